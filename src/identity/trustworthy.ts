const loopback = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/

/** Whether what is there can be known to be the identity provider: https, or http on this machine. */
export const isTrustworthy = (url: URL): boolean =>
  url.protocol === 'https:' || (url.protocol === 'http:' && loopback.test(url.hostname))
