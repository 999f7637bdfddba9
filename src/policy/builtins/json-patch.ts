import { int64Of } from '../number.ts'
import {
  arrayValue,
  contains,
  equal,
  lookUp,
  objectValue,
  type RegoArray,
  type RegoObject,
  setValue,
  stringValue,
  type Value,
} from '../value.ts'
import { termText } from '../value-text.ts'
import { arrayOperand, type Builtin, BuiltinError, operand } from './operands.ts'

type Path = readonly Value[]
/** Absent once the whole document was removed. */
type Document = Value | undefined

/**
 * `json.patch`: RFC 6902 with OPA's additions. A path is a JSON pointer or an array of keys, it may lead through sets (a
 * member is its own key), and the document may be any value.
 */
export const patch: Builtin = (operands) => {
  let document: Document = operand(operands, 0)
  for (const operation of arrayOperand(operands, 1).items) {
    if (operation.type !== 'object')
      throw new BuiltinError('must be an array of JSON-Patch objects, but at least one element is not an object')
    document = apply(document, operation)
  }
  if (document === undefined) throw new BuiltinError('nothing is left of the document')
  return document
}

function apply(document: Document, operation: RegoObject): Document {
  const path = attribute(operation, 'path')
  const verb = attribute(operation, 'op')
  if (verb.type !== 'string') throw new BuiltinError(`attribute 'op' must be a string but found: ${verb.type}`)
  const place = parsePath(path)
  switch (verb.value) {
    case 'add':
      return insert(document, place, attribute(operation, 'value'))
    case 'remove':
      return remove(document, place)
    case 'replace':
      return insert(remove(document, place), place, attribute(operation, 'value'))
    case 'move': {
      const from = parsePath(attribute(operation, 'from'))
      return insert(remove(document, from), place, find(document, from))
    }
    case 'copy':
      return insert(document, place, find(document, parsePath(attribute(operation, 'from'))))
    case 'test':
      if (equal(find(document, place), attribute(operation, 'value'))) return document
      throw new BuiltinError('a test failed')
    default:
      throw new BuiltinError(`unrecognized op: '${verb.value}'`)
  }
}

function attribute(operation: RegoObject, name: string): Value {
  const value = lookUp(operation, stringValue(name))
  if (value === undefined) throw new BuiltinError(`missing required attribute '${name}'`)
  return value
}

/** RFC 6901, but that slashes at the start are dropped however many they are. */
function parsePath(path: Value): Path {
  if (path.type === 'array') return path.items
  if (path.type !== 'string')
    throw new BuiltinError(`a path must be a string or an array of path segments but got ${path.type}`)
  if (path.value === '') return []
  const segments = path.value.replace(/^\/+/, '').split('/')
  return segments.map((segment) => stringValue(segment.replaceAll('~1', '/').replaceAll('~0', '~')))
}

function find(document: Document, path: Path): Value {
  let value = document
  for (const key of path) value = child(present(value), key)
  return present(value)
}

function child(parent: Value, key: Value): Value {
  const held = heldBy(parent, key)
  if (held === undefined) throw new BuiltinError(`path ${termText(key)} does not exist`)
  return held
}

function heldBy(parent: Value, key: Value): Value | undefined {
  switch (parent.type) {
    case 'object':
      return lookUp(parent, key)
    case 'set':
      return contains(parent, key) ? key : undefined
    case 'array':
      return parent.items[indexIn(parent, key)]
    default:
      throw noPlace(parent, key)
  }
}

function insert(document: Document, path: Path, value: Value): Value {
  const [key, ...deeper] = path
  if (key === undefined) return value
  const parent = present(document)
  if (deeper.length > 0) return exchange(parent, key, insert(child(parent, key), deeper, value))
  switch (parent.type) {
    case 'object':
      return objectValue([...parent.entries, [key, value]])
    case 'set':
      if (!equal(key, value)) throw new BuiltinError('a member of a set is its own key')
      return setValue([...parent.items, value])
    case 'array': {
      const index = indexIn(parent, key)
      if (index < 0 || index > parent.items.length) throw new BuiltinError('index for array insertion out of bounds')
      return arrayValue(parent.items.toSpliced(index, 0, value))
    }
    default:
      throw noPlace(parent, key)
  }
}

function remove(document: Document, path: Path): Document {
  const [key, ...deeper] = path
  const parent = present(document)
  if (key === undefined) return undefined
  const held = child(parent, key)
  if (deeper.length === 0) return exchange(parent, key, undefined)
  return exchange(parent, key, remove(held, deeper))
}

/** The parent with another value in the place of the one that is there; without it when there is none. */
function exchange(parent: Value, key: Value, value: Value | undefined): Value {
  switch (parent.type) {
    case 'object': {
      const others = parent.entries.filter(([name]) => !equal(name, key))
      return objectValue(value === undefined ? others : [...others, [key, value]])
    }
    case 'set': {
      const others = parent.items.filter((item) => !equal(item, key))
      return setValue(value === undefined ? others : [...others, value])
    }
    case 'array':
      return arrayValue(parent.items.toSpliced(indexIn(parent, key), 1, ...(value === undefined ? [] : [value])))
    default:
      throw noPlace(parent, key)
  }
}

/** `-` is the place after the last one. */
function indexIn(array: RegoArray, key: Value): number {
  if (key.type !== 'number' && key.type !== 'string') throw new BuiltinError('invalid type for indexing')
  const text = key.type === 'string' ? key.value : key.text
  if (key.type === 'string' && text === '-') return array.items.length
  const index = int64Of(text)
  if (index === undefined) throw new BuiltinError(`invalid ${key.type} for indexing`)
  if (key.type === 'string' && text !== '0' && text.startsWith('0'))
    throw new BuiltinError('leading zeros are not allowed in JSON paths')
  return Number(index)
}

function present(document: Document): Value {
  if (document === undefined) throw new BuiltinError('nothing is left of the document')
  return document
}

const noPlace = (parent: Value, key: Value): BuiltinError =>
  new BuiltinError(`expected composite type for path ${termText(key)}, found ${parent.type}`)
