import { soon } from '../live-session.ts'
import { run } from '../process.ts'
import type { Stage } from '../stage.ts'
import type { Step } from '../walk.ts'

// What is left of alice's first login: the certificate, and the target's own log.

export const certificate = (stage: Stage): Step => ({
  title: 'The certificate that the gateway used, out of the decision log',
  async run(page) {
    const { decision_id, mapped_result } = stage.decisions.firstOf('alice')
    stage.folder.write('used-cert.pub', `ssh-ed25519-cert-v01@openssh.com ${mapped_result.certificate?.signed}\n`)
    const words = ['-L', '-f', 'used-cert.pub']
    page.command(['ssh-keygen', ...words])
    const { stdout, stderr, code } = await run('ssh-keygen', words, { cwd: stage.folder.path, signal: stage.signal })
    page.output(stdout + stderr)
    page.note(
      `What ssh-keygen does not know is the gateway's own to enforce: ${own(mapped_result.certificate?.extensions)}.`,
    )
    const names = (title: string): string[] => section(stdout, title).map((line) => line.split(' ', 1)[0] ?? '')
    return {
      decidedBy: 'the extensions that the grant has written: what is not named among them stays closed',
      checks: [
        { what: 'exit code', found: code, expected: 0 },
        { what: 'key id', found: /Key ID: "(.*)"/.exec(stdout)?.[1], expected: `alice/${decision_id}` },
        { what: 'principals', found: section(stdout, 'Principals'), expected: [stage.login] },
        {
          what: 'critical options',
          found: section(stdout, 'Critical Options'),
          expected: ['source-address 127.0.0.1/32'],
        },
        {
          what: 'extensions',
          found: names('Extensions'),
          expected: [
            'permit-exec@regate',
            'permit-open@regate',
            'permit-port-forwarding',
            'permit-pty',
            'permit-shell@regate',
            'permit-subsystem@regate',
          ],
        },
      ],
    }
  },
})

/** The extensions that only the gateway knows, with their values. */
const own = (extensions: Readonly<Record<string, unknown>> = {}): string =>
  Object.entries(extensions)
    .filter(([name]) => name.endsWith('@regate'))
    .map(([name, value]) => (value === '' ? name : `${name} ${JSON.stringify(value)}`))
    .join(', ')

/** The lines below a title of `ssh-keygen -L`. */
function section(text: string, title: string): string[] {
  const [, lines = ''] = new RegExp(`^ {8}${title}: *\\n((?: {16}.*\\n)*)`, 'm').exec(text) ?? []
  return lines.split('\n').flatMap((line) => (line === '' ? [] : [line.trim()]))
}

export const targetLog = (stage: Stage): Step => ({
  title: 'What the target has written down: who it was, not only which account',
  async run(page) {
    const { decision_id, mapped_result } = stage.decisions.firstOf('alice')
    page.command(['grep', 'ID alice', 'staging.log'])
    const within = AbortSignal.any([stage.signal, soon()])
    const line = await stage.targets.staging.journal.line(new RegExp(`^Accepted publickey .*${decision_id}`), within)
    page.output(line)
    const [, account, keyId, serial] =
      /^Accepted publickey for (\S+) from .* ID (\S+) \(serial (\d+)\)/.exec(line) ?? []
    return {
      decidedBy: 'key id and serial of the certificate',
      checks: [
        { what: 'account', found: account, expected: stage.login },
        { what: 'key id', found: keyId, expected: `alice/${decision_id}` },
        { what: 'serial', found: serial, expected: mapped_result.certificate?.serial },
      ],
    }
  },
})
