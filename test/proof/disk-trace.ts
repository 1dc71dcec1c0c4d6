/**
 * What a power failure leaves of a folder, out of a trace (strace) of what processes did to it.
 *
 * The model. A write is durable when an fsync or fdatasync of its file, begun after it, has returned. Changes of names
 * and of sizes (create, rename, unlink, truncate) are durable in their order, with the next sync of any file: a journal
 * as ext4 and xfs keep one. All else may be lost: everything at once (`drop`), or each block of 4096 bytes by dice and
 * the journal at any point in between (`tear`). Nothing is assumed about data that a rename would flush.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Dice } from '../simulation/dice.ts'

export const BLOCK = 4_096

export type DiskOp =
  | { kind: 'create'; path: string; inode: number }
  | { kind: 'mkdir'; path: string }
  | { kind: 'rename'; path: string; to: string }
  | { kind: 'unlink'; path: string }
  | { kind: 'truncate'; inode: number; size: number }
  | { kind: 'write'; inode: number; offset: number; data: Buffer }
  /** Has returned; what was done before `since` is durable. */
  | { kind: 'sync'; inode: number | null; path: string; since: number }
  /** A line that somebody outside of the folder was told. */
  | { kind: 'told'; line: string }

export const TRACED =
  'open,openat,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync,lseek'
/** Strings longer than this would be cut off. */
export const STRACE = [
  ...['-f', '--seccomp-bpf', '-qqq', '-y', '-x', '-s', '16777216'],
  ...['-e', 'signal=none', '-e', `trace=${TRACED}`],
]

/** Lost on every start, or no content of its own: the shared-memory index of the write-ahead log, sockets. */
const outOfTrace = (path: string): boolean => path.endsWith('-shm') || path.endsWith('.sock')

const escapes: { [letter: string]: number } = { n: 10, t: 9, r: 13, v: 11, f: 12, '"': 34, '\\': 92 }

/** The bytes of a string as strace prints it, without its quotes. */
export function bytesOf(printed: string): Buffer {
  const out = Buffer.alloc(printed.length)
  let n = 0
  for (let i = 0; i < printed.length; i++) {
    let code = printed.charCodeAt(i)
    if (code === 92) {
      const letter = printed[++i] as string
      if (letter === 'x') {
        code = Number.parseInt(printed.slice(i + 1, i + 3), 16)
        i += 2
      } else if (letter >= '0' && letter <= '7') {
        const [octal] = /^[0-7]{1,3}/.exec(printed.slice(i, i + 3)) as RegExpExecArray
        code = Number.parseInt(octal, 8)
        i += octal.length - 1
      } else code = escapes[letter] as number
    }
    out[n++] = code
  }
  return out.subarray(0, n)
}

const QUOTED = /"((?:[^"\\]|\\.)*)"/

/** Reads a whole trace. `folder` is what is looked at, `told` a file whose lines mark what somebody was told. */
export function readTrace(lines: Iterable<string>, folder: string, told: string): DiskOp[] {
  const ops: DiskOp[] = []
  const names = new Map<string, number>()
  const sizes = new Map<number, number>()
  const positions = new Map<string, number>()
  /** Begun and not returned yet, by thread. */
  const open = new Map<string, { text: string; since: number }>()
  let inodes = 0
  const within = (path: string | undefined): path is string =>
    path?.startsWith(`${folder}/`) === true && !outOfTrace(path)
  const relative = (path: string): string => path.slice(folder.length + 1).replace(/\/+$/, '')

  const write = (path: string, offset: number, data: Buffer): void => {
    const inode = names.get(relative(path))
    if (inode === undefined) return
    ops.push({ kind: 'write', inode, offset, data })
    sizes.set(inode, Math.max(sizes.get(inode) ?? 0, offset + data.length))
  }

  const call = (name: string, rest: string, result: number, since: number): void => {
    if (result < 0) return
    const [fd, on] = /^(\d+)<([^>]*)>/.exec(rest)?.slice(1) ?? []
    const at = `${fd} ${on}`
    switch (name) {
      case 'open':
      case 'openat':
      case 'creat': {
        const path = /= \d+<([^>]*)>/.exec(rest)?.[1]
        if (!within(path)) return
        const flags = rest.slice(rest.lastIndexOf('"'))
        const known = names.get(relative(path))
        if (known === undefined && /O_CREAT/.test(flags)) {
          names.set(relative(path), ++inodes)
          ops.push({ kind: 'create', path: relative(path), inode: inodes })
        } else if (known !== undefined && /O_TRUNC/.test(flags)) {
          ops.push({ kind: 'truncate', inode: known, size: 0 })
          sizes.set(known, 0)
        }
        positions.set(`${result} ${path}`, /O_APPEND/.test(flags) ? Number.NaN : 0)
        return
      }
      case 'write':
      case 'writev': {
        if (on === told) {
          for (const line of bytesOf(QUOTED.exec(rest)?.[1] ?? '')
            .toString()
            .trim()
            .split('\n'))
            ops.push({ kind: 'told', line })
          return
        }
        if (!within(on)) return
        const data = Buffer.concat(
          [...rest.matchAll(new RegExp(QUOTED, 'g'))].map((part) => bytesOf(part[1] as string)),
        )
        const from = positions.get(at) ?? 0
        const offset = Number.isNaN(from) ? (sizes.get(names.get(relative(on)) ?? 0) ?? 0) : from
        write(on, offset, data.subarray(0, result))
        if (!Number.isNaN(from)) positions.set(at, offset + result)
        return
      }
      case 'pwrite64':
        if (within(on))
          write(
            on,
            Number(/, (\d+)\)? *$/.exec(rest.slice(0, rest.lastIndexOf('=')))?.[1]),
            bytesOf(QUOTED.exec(rest)?.[1] ?? ''),
          )
        return
      case 'pwritev':
      case 'pwritev2':
        if (within(on)) throw new Error(`a call that the model does not know: ${name}`)
        return
      case 'lseek':
        if (within(on)) positions.set(at, result)
        return
      case 'ftruncate':
      case 'fallocate': {
        const inode = within(on) ? names.get(relative(on)) : undefined
        if (inode === undefined) return
        const numbers = rest.slice(rest.indexOf('>') + 1).match(/\d+/g) ?? []
        const kept = name === 'fallocate' && !/>, 0, /.test(rest)
        if (kept) return
        const size =
          name === 'ftruncate'
            ? Number(numbers[0])
            : Math.max(sizes.get(inode) ?? 0, Number(numbers[1]) + Number(numbers[2]))
        ops.push({ kind: 'truncate', inode, size })
        sizes.set(inode, size)
        return
      }
      case 'rename':
      case 'renameat':
      case 'renameat2': {
        const [path, to] = [...rest.matchAll(new RegExp(QUOTED, 'g'))].map((part) => part[1])
        if (!within(path) || !within(to)) return
        ops.push({ kind: 'rename', path: relative(path), to: relative(to) })
        moveName(names, relative(path), relative(to))
        return
      }
      case 'unlink':
      case 'unlinkat':
      case 'rmdir': {
        const path = QUOTED.exec(rest)?.[1]
        if (!within(path)) return
        ops.push({ kind: 'unlink', path: relative(path) })
        names.delete(relative(path))
        return
      }
      case 'mkdir':
      case 'mkdirat': {
        const path = QUOTED.exec(rest)?.[1]
        if (within(path)) ops.push({ kind: 'mkdir', path: relative(path) })
        return
      }
      case 'fsync':
      case 'fdatasync':
        if (on !== undefined && (within(on) || on === folder))
          ops.push({ kind: 'sync', inode: names.get(relative(on)) ?? null, path: relative(on), since })
        return
    }
  }

  for (const line of lines) {
    const [, thread = '', text = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? []
    const began = / <unfinished \.\.\.>$/.exec(text)
    if (began !== null) {
      open.set(thread, { text: text.slice(0, began.index), since: ops.length })
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text)
    const before = resumed === null ? undefined : open.get(thread)
    if (resumed !== null && before === undefined) continue
    open.delete(thread)
    const whole = before === undefined ? text : before.text + resumed?.[1]
    const parts = /^(\w+)\((.*)$/.exec(whole)
    const result = / = (-?\d+)[^=]*$/.exec(whole)
    if (parts === null || result === null) continue
    call(parts[1] as string, parts[2] as string, Number(result[1]), before?.since ?? ops.length)
  }
  return ops
}

function moveName(names: Map<string, number>, path: string, to: string): void {
  for (const [name, inode] of [...names])
    if (name === path || name.startsWith(`${path}/`)) {
      names.delete(name)
      names.set(to + name.slice(path.length), inode)
    }
}

export type Loss = 'keep' | 'drop' | 'tear'
export type Leftovers = { folders: Set<string>; files: Map<string, Buffer> }

/**
 * The folder after the first `cut` operations and a power failure.
 * @param forgets files whose syncs do nothing: a disk that lies, to see that its lies are found out
 */
export function leftAfter(
  ops: readonly DiskOp[],
  cut: number,
  loss: Loss,
  dice: Dice,
  forgets: (path: string) => boolean = () => false,
): Leftovers {
  /** Operations on this file before that one are durable. */
  const durable = new Map<number, number>()
  let journal = 0
  for (const op of ops.slice(0, cut)) {
    if (op.kind !== 'sync' || forgets(op.path)) continue
    journal = Math.max(journal, op.since)
    if (op.inode !== null) durable.set(op.inode, Math.max(durable.get(op.inode) ?? 0, op.since))
  }
  if (loss === 'keep') journal = cut
  if (loss === 'tear') journal = dice.between(journal, cut)

  const names = new Map<string, number>()
  const folders = new Set<string>()
  const contents = new Map<number, Buffer>()
  const grow = (inode: number, size: number): Buffer => {
    const old = contents.get(inode) ?? Buffer.alloc(0)
    if (old.length >= size) return old
    const grown = Buffer.alloc(size)
    old.copy(grown)
    contents.set(inode, grown)
    return grown
  }
  for (const [i, op] of ops.slice(0, cut).entries()) {
    if (op.kind === 'write') {
      const safe = loss === 'keep' || i < (durable.get(op.inode) ?? 0)
      if (!safe && loss === 'drop') continue
      for (let from = 0; from < op.data.length; ) {
        const to = Math.min(op.data.length, from + BLOCK - ((op.offset + from) % BLOCK))
        if (safe || dice.chance(0.5)) op.data.copy(grow(op.inode, op.offset + to), op.offset + from, from, to)
        from = to
      }
      continue
    }
    if (i >= journal) continue
    if (op.kind === 'create') names.set(op.path, op.inode)
    else if (op.kind === 'mkdir') folders.add(op.path)
    else if (op.kind === 'rename') moveName(names, op.path, op.to)
    else if (op.kind === 'unlink') {
      names.delete(op.path)
      folders.delete(op.path)
    } else if (op.kind === 'truncate') contents.set(op.inode, Buffer.from(grow(op.inode, op.size).subarray(0, op.size)))
  }
  return {
    folders,
    files: new Map([...names].map(([path, inode]) => [path, contents.get(inode) ?? Buffer.alloc(0)])),
  }
}

/** Makes it a folder again; `only` says which paths of it. */
export function materialise(left: Leftovers, folder: string, only: (path: string) => boolean = () => true): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const path of left.folders) if (only(path)) mkdirSync(join(folder, path), { recursive: true })
  for (const [path, content] of left.files) {
    if (!only(path)) continue
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content, { mode: 0o600 })
  }
}
