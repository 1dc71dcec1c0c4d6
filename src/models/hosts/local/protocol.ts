/** Messages between the manager and the process that runs the model: JSON over Node's IPC channel. */
import type { Failure } from '../../../failure.ts'
import type { HostAnswer, HostRequest } from '../../model-host.ts'

export type ToModelProcess =
  | { kind: 'load'; path: string; threads: number; context_tokens: number }
  | { kind: 'chat'; id: number; request: HostRequest }
  | { kind: 'cancel'; id: number }

export type FromModelProcess =
  | { kind: 'loading'; share: number }
  | { kind: 'ready'; context_length: number; load_ms: number }
  /** The file cannot be used; starting again would not help. */
  | { kind: 'unusable'; failure: Failure }
  | { kind: 'tokens'; id: number; tokens: number; text: string }
  | { kind: 'answer'; id: number; answer: HostAnswer }
  | { kind: 'failed'; id: number; failure: Failure }
  | { kind: 'log'; message: string }
