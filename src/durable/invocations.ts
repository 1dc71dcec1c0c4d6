/** What can be invoked through the engine: names and types, for those who call. */
import type * as restate from '@restatedev/restate-sdk'
import type { Step } from '../workflow/command.ts'
import type { RunInput } from '../workflow/event.ts'

/** All that the engine keeps of a run: how far it was when the last segment ended, and which epoch writes. */
export type Cursor = { seq: number; mail: number; epoch: number }
export type SegmentRequest = { recover?: boolean }

type RunObject = { segment: (ctx: restate.ObjectContext, request: SegmentRequest) => Promise<string> }
type CallService = { invoke: (ctx: restate.Context, request: { run: string; step: Step }) => Promise<RunInput | null> }
type LauncherService = { launch: (ctx: restate.Context, request: { run: string; steps: Step[] }) => Promise<string[]> }
type ClockService = {
  fire: (ctx: restate.Context, request: { run: string; timer: string; due: number }) => Promise<void>
}

export const RUN: restate.VirtualObjectDefinition<'run', RunObject> = { name: 'run' }
export const CALL: restate.ServiceDefinition<'call', CallService> = { name: 'call' }
export const LAUNCHER: restate.ServiceDefinition<'launcher', LauncherService> = { name: 'launcher' }
export const CLOCK: restate.ServiceDefinition<'clock', ClockService> = { name: 'clock' }
