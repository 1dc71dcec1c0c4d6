/** Memory and open handles of processes, as the kernel says (proc(5)); null where there is no /proc, or the process is gone. */
import { readdirSync, readFileSync } from 'node:fs'

export function residentMb(pid: number): number | null {
  try {
    const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kb === undefined ? null : Number(kb) / 1_024
  } catch {
    return null
  }
}

export function openHandles(pid: number): number | null {
  try {
    return readdirSync(`/proc/${pid}/fd`).length
  } catch {
    return null
  }
}

/** Processes whose command line contains all of these texts. */
export function processesNamed(...texts: string[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        return texts.every((text) => line.includes(text))
      } catch {
        return false
      }
    })
}

/** Whether the process's environment contains the text: only of our own processes can that be read. */
export function inEnvironment(pid: number, text: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(text)
  } catch {
    return false
  }
}
