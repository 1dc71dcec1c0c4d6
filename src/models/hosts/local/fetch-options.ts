/** What a source of model files is given, and what it tells of its progress. */

export type FetchProgress = { received: number; total: number | null; what: string }

export type FetchOptions = {
  cache_dir: string
  fetch: typeof fetch
  signal: AbortSignal
  on_progress?: ((progress: FetchProgress) => void) | undefined
  hub_url?: string | undefined
}
