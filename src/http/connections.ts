/** Operators, their tools and those who probe, in all processes together; more are turned away. */
export const connectionsMost = 512
