import { readFileSync } from 'node:fs'
import { authorityFromKey } from '../certificate/authority.ts'
import { issue } from '../certificate/issue.ts'
import { newKey } from '../certificate/new-key.ts'
import { printCertificate } from '../certificate/print.ts'
import { makeSubjectKey } from '../certificate/subject-key.ts'
import type { Address } from '../model/address.ts'
import { PolicyInput } from '../model/context.ts'
import type { Decision } from '../model/decision.ts'
import { asGatewayError, GatewayError } from '../model/errors.ts'
import { shapeFaults } from '../model/shape.ts'
import { printable } from '../model/text.ts'
import { type Login, type Milliseconds, systemClock } from '../model/units.ts'
import { readBundle } from '../policy/bundle.ts'
import { decisionOf, evaluate } from '../policy/engine.ts'
import { PolicyPool } from '../policy/pool.ts'
import { Threads } from '../policy/threads.ts'

export interface EvalOptions {
  readonly input: string
  readonly bundle: string
  readonly entrypoint: string
  readonly json?: boolean
}

/** An author’s first run may be a slow one; the gateway's own deadline is shorter. */
const pool = { workers: 1, deadline: 1_000 as Milliseconds, memoryPages: 1_024 }

/** Answers whether the evaluation came to an end; what it came to is printed. */
export async function evaluateFile({ input: file, bundle: path, entrypoint, json }: EvalOptions): Promise<boolean> {
  try {
    const input: unknown = JSON.parse(readFileSync(file === '-' ? 0 : file, 'utf8'))
    const bundle = await readBundle(path)
    await using threads = new Threads(0)
    await using workers = await PolicyPool.start(bundle, pool, threads)
    const evaluation = await evaluate({ revision: bundle.revision, pool: workers }, entrypoint, input)
    if (evaluation.came === 'failed') throw evaluation.error
    const answered = evaluation.came === 'answered'
    if (json === true) print(answered ? { result: evaluation.result } : { undefined: true })
    else if (entrypoint !== 'ssh/decision') print(answered ? evaluation.result : null)
    else console.log(await describe(decisionOf(evaluation), input))
    return true
  } catch (thrown) {
    const fault =
      thrown instanceof SyntaxError
        ? new GatewayError('POLICY_INPUT', `${file} is no JSON text`)
        : asGatewayError(thrown, 'INTERNAL', String(thrown))
    if (json !== true) throw fault
    print({ error: { code: fault.code, message: fault.message } })
    return false
  }
}

const print = (value: unknown): void => console.log(JSON.stringify(value, null, 2))

async function describe(decision: Decision, input: unknown): Promise<string> {
  const reasons = (decision.reasons ?? []).map(
    ({ code, message }) => `  ${code}${message === '' ? '' : `: ${message}`}`,
  )
  const lines = [`outcome: ${decision.outcome}`]
  if (decision.grant !== undefined) lines.push(`grant: ${printable(decision.grant)}`)
  if (reasons.length > 0) lines.push('reasons:', ...reasons)
  if (decision.outcome === 'challenge') lines.push(`require: ${printable(JSON.stringify(decision.require), 8_192)}`)
  if (decision.outcome === 'allow') lines.push('certificate:', await certificateText(decision, input))
  return lines.join('\n')
}

/** Signed by a key that is thrown away, so that what the gateway would refuse to sign is refused here too. */
async function certificateText(decision: Decision & { outcome: 'allow' }, input: unknown): Promise<string> {
  const [fault] = shapeFaults(PolicyInput, input)
  if (fault !== undefined)
    throw new GatewayError('POLICY_INPUT', `the input is wrong at ${fault.path}: ${fault.message}`)
  const { identity, target } = input as PolicyInput
  const occasion = {
    now: systemClock(),
    decisionId: '<decision id>',
    username: identity?.username ?? '',
    login: (target.login ?? '') as Login,
    principals: target.principals,
    subjectKey: makeSubjectKey().publicKey,
    localAddress: '127.0.0.1' as Address,
  }
  const authority = authorityFromKey(newKey('').privateKey)
  const certificate = await issue(decision.certificate, occasion, { maxTtl: 3600, sourceAddress: 'off' }, authority)
  const added = certificate.sourceAddress === undefined ? '\n        (the gateway adds source-address: its own)' : ''
  return `${printCertificate(certificate)}${added}`
}
