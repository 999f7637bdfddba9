import { isIPv4, isIPv6 } from 'node:net'
import { booleanValue } from '../value.ts'
import { type Builtin, operand } from './operands.ts'

/** `net.cidr_is_valid`: whether Go's net.ParseCIDR takes it; false for what is no string. */
export const cidrIsValid: Builtin = (operands) => {
  const value = operand(operands, 0)
  return booleanValue(value.type === 'string' && isCidr(value.value))
}

function isCidr(text: string): boolean {
  const [, address = '', bits = ''] = /^([0-9a-fA-F:.]+)\/(\d+)$/.exec(text) ?? []
  // Go's net.ParseCIDR takes leading zeros in the length of the prefix.
  if (isIPv4(address)) return Number(bits) <= 32
  return isIPv6(address) && Number(bits) <= 128
}
