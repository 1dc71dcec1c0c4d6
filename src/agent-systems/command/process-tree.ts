/**
 * All processes that a command has started, and their end.
 *
 * A command leads a process group and session of its own. Descendants that leave both (setsid, daemons) are recognised by
 * a variable in their environment, or by a parent that is recognised. One that does all of setsid, an emptied
 * environment and an early exit of its parent escapes: only a control group could hold it.
 * Without /proc (macOS) the process group is all there is.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

export type Tree = {
  /** Id of the command's own process, or null: only the mark is known (a predecessor's processes). */
  root: number | null
  /** `NAME=value` in the environment of each of its processes, and of no other. */
  mark: string
}

/** Linux: the tree's processes can be listed and their memory read. */
export const hasProc = existsSync('/proc/self/stat')

const GRACE_MS = 2_000
const POLL_MS = 20
/** A process that does not die of SIGKILL within this time is stuck in the kernel; nobody can end it. */
const GIVE_UP_MS = 5_000

type Process = { pid: number; parent: number; group: number; session: number }

/**
 * Ends every process of the tree: SIGTERM, and SIGKILL for what is left after 2 s. Settles when none is left.
 * @param grace_ms 0 = SIGKILL at once.
 */
export async function endTree(tree: Tree, grace_ms = GRACE_MS): Promise<void> {
  const start = performance.now()
  const waited = () => performance.now() - start
  const asked = new Set<number>()
  for (let left = targets(tree); left.length > 0 && waited() < grace_ms + GIVE_UP_MS; left = targets(tree)) {
    const kill = waited() >= grace_ms
    for (const target of left) {
      // One SIGTERM for each: a second one makes many programs quit without cleaning up.
      if (kill) send(target, 'SIGKILL')
      else if (!asked.has(target)) send(target, 'SIGTERM')
      asked.add(target)
    }
    await pause(POLL_MS)
  }
}

/** Resident memory of all processes of the tree, in bytes. Pages that they share count once for each. */
export function memoryOf(tree: Tree): number {
  // The environment is left out here: reading it for every process several times a second would cost too much.
  const members = membersOf(tree, readProcesses(), () => false)
  return members.reduce((sum, { pid }) => sum + residentBytes(pid), 0)
}

function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readOrEmpty(`/proc/${pid}/status`).toString('latin1'))
  return kilobytes ? Number(kilobytes[1]) * 1024 : 0
}

/** What signals go to: processes, or where they cannot be listed the whole group (negative). */
function targets(tree: Tree): number[] {
  if (hasProc) return membersOf(tree, readProcesses(), ({ pid }) => isMarked(pid, tree.mark)).map(({ pid }) => pid)
  return tree.root !== null && send(-tree.root, 0) ? [-tree.root] : []
}

function membersOf({ root }: Tree, all: Process[], marked: (one: Process) => boolean): Process[] {
  const members = new Set<number>()
  const own = (one: Process) => root !== null && (one.pid === root || one.group === root || one.session === root)
  for (const one of all) if (own(one) || marked(one)) members.add(one.pid)
  for (let before = -1; before !== members.size; ) {
    before = members.size
    for (const one of all) if (members.has(one.parent)) members.add(one.pid)
  }
  members.delete(process.pid)
  return all.filter(({ pid }) => members.has(pid))
}

function readProcesses(): Process[] {
  const found: Process[] = []
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = readOrEmpty(`/proc/${name}/stat`).toString('latin1')
    // proc_pid_stat(5): the name of the program stands in parentheses and may itself contain any of them.
    const [state, parent, group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (!parent || state === 'Z' || state === 'X') continue
    found.push({ pid: Number(name), parent: Number(parent), group: Number(group), session: Number(session) })
  }
  return found
}

const isMarked = (pid: number, mark: string): boolean => {
  const environment = readOrEmpty(`/proc/${pid}/environ`)
  const at = environment.indexOf(`${mark}\0`)
  return at === 0 || (at > 0 && environment[at - 1] === 0)
}

/** Empty when the process is gone by now, or belongs to another user. */
function readOrEmpty(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch {
    return Buffer.alloc(0)
  }
}

function send(target: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(target, signal)
  } catch {
    return false
  }
}
