import { type Command, Option } from 'commander'
import type { ApiOptions } from './commands/api.ts'
import type { FilterOptions, ListOptions } from './commands/decisions.ts'

/** The verbs that ask a running gateway, over its HTTP API. */
export function addApiVerbs(program: Command): void {
  addDecisions(group(program, 'decisions', 'what was decided, and what is being decided'))
  addSessions(group(program, 'sessions', 'who is connected, and what happens in a session'))
  addLogins(group(program, 'logins', 'who need not sign in again'))
}

const group = (program: Command, name: string, about: string): Command =>
  program.command(name).description(about).showHelpAfterError()

function addDecisions(decisions: Command): void {
  filtered(verb(decisions, 'list', 'decisions, the newest first'))
    .option('--from <time>', 'not before: RFC 3339, or 8h for eight hours ago')
    .option('--to <time>', 'before')
    .option('--limit <number>', 'so many', '20')
    .addHelpText('after', example('decisions list --user alice --outcome deny --from 8h'))
    .action(async (options: ListOptions) => (await import('./commands/decisions.ts')).listDecisions(options))
  verb(decisions, 'show', 'one decision')
    .argument('<id>', 'its id')
    .option('--json', 'the event as it was written')
    .addHelpText('after', example('decisions show 7b0c1f52-8d5c-4b7e-9a59-0d9b6f6d2a11'))
    .action(async (id: string, options: ApiOptions) =>
      (await import('./commands/decisions.ts')).showDecision(id, options),
    )
  filtered(verb(decisions, 'tail', 'decisions as they are made'))
    .option('--after <id>', 'begin after this decision')
    .addHelpText('after', example('decisions tail --route db1 --json'))
    .action(async (options: FilterOptions) => (await import('./commands/decisions.ts')).tailDecisions(options))
}

function addSessions(sessions: Command): void {
  verb(sessions, 'list', 'live sessions, the latest first')
    .option('--ended', 'the latest that have ended')
    .option('--json', 'a line of JSON each')
    .addHelpText('after', example('sessions list --ended'))
    .action(async (options: ApiOptions) => (await import('./commands/sessions.ts')).listSessions(options))
  verb(sessions, 'show', 'one session, with what happened in it')
    .argument('<id>', 'its id')
    .option('--json', 'a line of JSON')
    .addHelpText('after', example('sessions show 2f4a7c1e-6d3b-4e58-8f0a-51c9b7d20e63'))
    .action(async (id: string, options: ApiOptions) =>
      (await import('./commands/sessions.ts')).showSession(id, options),
    )
  verb(sessions, 'end', 'end a live session')
    .argument('<id>', 'its id')
    .addHelpText('after', example('sessions end 2f4a7c1e-6d3b-4e58-8f0a-51c9b7d20e63'))
    .action(async (id: string, options: ApiOptions) => (await import('./commands/sessions.ts')).endSession(id, options))
}

function addLogins(logins: Command): void {
  verb(logins, 'list', 'cached logins, the latest first')
    .option('--json', 'a line of JSON each')
    .addHelpText('after', example('logins list'))
    .action(async (options: ApiOptions) => (await import('./commands/logins.ts')).listLogins(options))
  verb(logins, 'revoke', 'revoke a login, which ends its sessions')
    .argument('<id>', 'its id')
    .addHelpText('after', example('logins revoke 0f8b3a3e-97c5-4e55-b0c6-6f5f1f0d9c1a'))
    .action(async (id: string, options: ApiOptions) => (await import('./commands/logins.ts')).revokeLogin(id, options))
}

const verb = (parent: Command, name: string, about: string): Command =>
  parent
    .command(name)
    .description(about)
    .addOption(new Option('-c, --config <file>', 'the gateway’s configuration').default('regate.yaml'))
    .option('--url <url>', 'the gateway’s address')
    .option('--token-file <file>', 'holds the token, else REGATE_TOKEN is it')

const filtered = (command: Command): Command =>
  command
    .option('--user <name>', 'of this person')
    .option('--route <name>', 'for this route')
    .addOption(new Option('--outcome <outcome>', 'that ended so').choices(['allow', 'challenge', 'deny']))
    .option('--code <code>', 'refused with this code')
    .addOption(new Option('--kind <kind>', 'real ones, or what-ifs').choices(['ssh', 'what-if']))
    .option('--json', 'a line of JSON each, as it was written')

const example = (line: string): string => `\nExample:\n  regate ${line}`
