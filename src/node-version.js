/** What package.json says in `engines`: what comes before has no ML-KEM, or cannot load ssh2 as it is patched. */
const [majorLeast, minorLeast] = [24, 7]

/**
 * @param {string} version `24.7.0`, as `process.versions.node` has it
 * @returns {boolean}
 */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > majorLeast || (major === majorLeast && minor >= minorLeast)
}

// Imported before anything that an older one would fail to load, with words that help nobody.
if (!isNewEnough(process.versions.node)) {
  console.error(`regate: Node.js ${majorLeast}.${minorLeast} or later is needed, this is ${process.versions.node}`)
  process.exit(2)
}
