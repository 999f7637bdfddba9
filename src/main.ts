import './node-version.ts'
import { useCompileCache } from './compile-cache.ts'

/** What is loaded after this is compiled once, and read from the cache from then on. */
useCompileCache(process.env)
await import('./command-line.ts')
