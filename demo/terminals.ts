import { readFileSync } from 'node:fs'

/**
 * Why an sshd that is not root can open no terminal on this machine; undefined where it can. It makes each one over to the
 * group `tty` (OpenSSH: sshpty.c), which takes no privilege only where /dev/pts gives new ones to that group by itself.
 */
export function terminalsFail(): string | undefined {
  if (process.getuid?.() === 0) return undefined
  const [, group] = find('/etc/group', /^tty:[^:]*:(\d+):/gm) ?? []
  const [, options] = find('/proc/mounts', /^\S+ \/dev\/pts devpts (\S+)/gm) ?? []
  if (group === undefined || options === undefined || process.getgroups?.().includes(Number(group))) return undefined
  return options.split(',').includes(`gid=${group}`)
    ? undefined
    : '/dev/pts is mounted without the group tty, and only root could open a terminal'
}

/** The last match: of what is mounted over each other, it is the last that is seen. */
function find(file: string, pattern: RegExp): readonly string[] | undefined {
  try {
    return [...readFileSync(file, 'utf8').matchAll(pattern)].at(-1)
  } catch {
    return undefined
  }
}
