/** What the figures depend on. */
export interface Machine {
  readonly processors: number
  readonly model: string
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  /** Whether ssh2's addon is there, which has the ciphers. */
  readonly nativeCiphers: boolean
  readonly ssh: string
}

export const machineText = ({ processors, model, memoryGiB, system, node, nativeCiphers, ssh }: Machine): string =>
  [
    `${processors} processors (${model}), ${memoryGiB} GiB, ${system}`,
    `Node.js ${node} (${nativeCiphers ? 'with native ciphers' : 'without native ciphers'}), ${ssh}`,
  ].join('; ')

/** Figures of a machine that has other work are worth little: a share of the processors' time. */
export const isBusy = (otherWork: number): boolean => otherWork > 0.1
