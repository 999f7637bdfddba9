import type { FastifyRequest } from 'fastify'
import { ApiError } from './errors.ts'

/**
 * The decoded parts of a request's path, for the policy. The policy and the router must mean the same thing, so a target
 * that could be read in two ways is none: the absolute form (RFC 9112 section 3.2.2), a fragment, two slashes to begin
 * with, and whatever the router read otherwise.
 */
export function pathOf(request: Pick<FastifyRequest, 'url' | 'params' | 'routeOptions'>): string[] {
  const { url } = request
  if (!/^\/(?!\/)[^#]*$/.test(url)) throw unreadable()
  const [path = ''] = url.split('?')
  const parts = decode(path)
  const routed = request.routeOptions.url
  if (routed !== undefined && !fits(parts, routed, request.params as Record<string, string>)) throw unreadable()
  return parts
}

function decode(path: string): string[] {
  try {
    return path.split('/').slice(1).map(decodeURIComponent)
  } catch {
    throw unreadable()
  }
}

const unreadable = (): ApiError => new ApiError(400, 'invalid_parameter', 'a target that does not read')

/** Whether a decoded path is one of the route's; with `params`, whether it is the one that the router read them from. */
export function fits(parts: readonly string[], routed: string, params?: Readonly<Record<string, string>>): boolean {
  const pattern = routed.split('/').slice(1)
  const same = (part: string, at: number): boolean =>
    part.startsWith(':') ? params === undefined || params[part.slice(1)] === parts[at] : part === parts[at]
  return pattern.length === parts.length && pattern.every(same)
}
