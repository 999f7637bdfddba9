import './node-version.js'

/*
 * What is loaded after this is compiled once, and read from the cache from then on. So these three files are JavaScript: what
 * takes the types off TypeScript is 50 ms of a start by itself, and is not loaded when all else is in the cache.
 */
const { useCompileCache } = await import('./compile-cache.js')
useCompileCache(process.env)
await import('./command-line.ts')
