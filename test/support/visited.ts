import { strangersSignIn } from './policy.ts'
import type { Workspace } from './workspace.ts'
import { startWorld } from './world.ts'

/** Who is a dba may go to db1, to bare and, with a reason, to audited, as postgres or root; nobody to db2. */
const policy = `${strangersSignIn}
decision := {
  "version": "ssh/v1",
  "outcome": "allow",
  "grant": "dbas",
  "certificate": {
    "principals": [input.target.login],
    "ttl": 60,
    "extensions": object.union(terminal, {"permit-exec@regate": ["*"], "set-env@regate": {"LC_ID": "in"}}),
  },
  "reasons": [{"code": "dba", "message": "you are a dba"}],
} if {
  allowed
  not asks
}

terminal := {"permit-pty": "", "permit-shell@regate": "", "permit-agent-forwarding": ""} if not input.target.labels.bare

terminal := {} if input.target.labels.bare

decision := {"version": "ssh/v1", "outcome": "challenge", "require": [{"type": "reason", "prompt": "Ticket?"}]} if {
  allowed
  asks
}

decision := {"version": "ssh/v1", "outcome": "deny", "reasons": [{"code": "shift", "message": "your shift is over"}]} if {
  input.identity
  not allowed
}

allowed if {
  input.identity.groups[_] == "dba"
  input.target.labels.open == "yes"
  input.target.login in {"postgres", "root"}
}

asks if {
  input.target.labels.asks == "yes"
  not input.request.reason
}

# METADATA
# entrypoint: true
# scope: document
offers := ["nosuchperson", "postgres", "-oProxyCommand=x", "root", 7] if not input.target.login

# METADATA
# entrypoint: true
# scope: document
explain := {
  "outcome": decision.outcome,
  "offered": ["dbas"],
  "eligible": ["dbas"],
  "malformed": [],
  "closed": [],
  "deny": [{"code": "shift", "message": "your shift is over"}, {"code": "secret", "message": ""}],
  "require": [],
}
`

/**
 * A world whose gateway is itself visited: some routes, whose host has a banner, and a policy that can be asked for offers.
 * `more` goes into regate.yaml.
 */
export const startVisited = (more: (workspace: Workspace) => { limits?: object; identity?: object } = () => ({})) =>
  startWorld({
    policy,
    sshd: (workspace) => [`Banner ${workspace.write('banner', 'for \x1b[31mauthorised use only\n')}`],
    config: ({ sshd, workspace }) => {
      workspace.key('bob')
      const route = (name: string, labels: object) => ({
        name,
        host: '127.0.0.1',
        port: sshd.port,
        host_keys: [sshd.hostKey],
        labels,
      })
      return {
        ...more(workspace),
        routes: [
          route('db1', { open: 'yes' }),
          route('db2', { open: 'no' }),
          route('audited', { open: 'yes', asks: 'yes' }),
          route('bare', { open: 'yes', bare: 'yes' }),
          route('*.lab', { open: 'yes' }),
        ],
      }
    },
  })
