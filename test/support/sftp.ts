import { type Part, wire } from '../../src/model/wire.ts'

/** Packets of sftp version 3 (draft-ietf-secsh-filexfer-02), as clients and servers write them. */
export const packet = (type: number, ...parts: Part[]): Buffer => wire(wire(type, ...parts))
export const init = (version = 3): Buffer => packet(1, { uint32: version })
export const versionReply = (version = 3): Buffer => packet(2, { uint32: version }, 'posix-rename@openssh.com', '1')
/** What the gateway itself asks, and a target's answer to it. */
export const asksPlace: Buffer = packet(16, { uint32: 0xffff_fffe }, '.')
export const place = (path: string): Buffer => reply.name(0xffff_fffe, path)
const u32 = (uint32: number) => ({ uint32 })
const u64 = (uint64: number) => ({ uint64: BigInt(uint64) })
const noAttributes = u32(0)

export const request = {
  open: (id: number, path: string, flags: number) => packet(3, u32(id), path, u32(flags), noAttributes),
  close: (id: number, handle: string) => packet(4, u32(id), handle),
  read: (id: number, handle: string) => packet(5, u32(id), handle, u64(0), u32(32_768)),
  write: (id: number, handle: string, data: Uint8Array) => packet(6, u32(id), handle, u64(0), data),
  lstat: (id: number, path: string) => packet(7, u32(id), path),
  fstat: (id: number, handle: string) => packet(8, u32(id), handle),
  setstat: (id: number, path: string) => packet(9, u32(id), path, noAttributes),
  fsetstat: (id: number, handle: string) => packet(10, u32(id), handle, noAttributes),
  opendir: (id: number, path: string) => packet(11, u32(id), path),
  readdir: (id: number, handle: string) => packet(12, u32(id), handle),
  remove: (id: number, path: string) => packet(13, u32(id), path),
  mkdir: (id: number, path: string) => packet(14, u32(id), path, noAttributes),
  rmdir: (id: number, path: string) => packet(15, u32(id), path),
  realpath: (id: number, path: string) => packet(16, u32(id), path),
  stat: (id: number, path: string) => packet(17, u32(id), path),
  rename: (id: number, from: string, to: string) => packet(18, u32(id), from, to),
  readlink: (id: number, path: string) => packet(19, u32(id), path),
  symlink: (id: number, to: string, path: string) => packet(20, u32(id), to, path),
  extended: (id: number, name: string, ...parts: Part[]) => packet(200, u32(id), name, ...parts),
}
export const copyData = (id: number, from: string, to: string): Buffer =>
  request.extended(id, 'copy-data', from, u64(0), u64(0), to, u64(0))

export const reply = {
  status: (id: number, code: number, text: string) => packet(101, u32(id), u32(code), text, ''),
  handle: (id: number, handle: string) => packet(102, u32(id), handle),
  data: (id: number, data: Uint8Array) => packet(103, u32(id), data),
  name: (id: number, name: string) => packet(104, u32(id), u32(1), name, name, noAttributes),
}
