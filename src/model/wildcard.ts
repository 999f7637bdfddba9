/** As OpenSSH's match.c, match_pattern: `*` any characters, `?` one. Goes back to the last star alone when the texts part. */
export function wildcardMatches(pattern: string, text: string): boolean {
  let at = 0
  let inText = 0
  let star = -1
  let starEnd = 0
  while (inText < text.length) {
    if (pattern[at] === '*') [star, starEnd, at] = [at + 1, inText, at + 1]
    else if (pattern[at] === '?' || pattern[at] === text[inText]) [at, inText] = [at + 1, inText + 1]
    else if (star !== -1) [at, inText] = [star, ++starEnd]
    else return false
  }
  return /^\**$/.test(pattern.slice(at))
}
