/** The text of a definition as one types it: what is wrong with it, and its last state that was right. */
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { Definition } from '../../../src/workflow/definition.ts'
import { call, type Output } from '../server/client.ts'

export type Findings = Output<'check_definition'>

export function useCheckedText(text: string): {
  findings: Findings | undefined
  valid: Definition | null
  error: unknown
} {
  const [settled, setSettled] = useState(text)
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(text), 250)
    return () => window.clearTimeout(timer)
  }, [text])
  const check = useQuery({
    queryKey: ['check', settled],
    queryFn: async ({ signal }) => {
      const findings = await call('check_definition', { definition: settled }, { signal })
      if (!findings.valid) return { findings, definition: null }
      const { parse } = await import('yaml')
      return { findings, definition: parse(settled) as Definition }
    },
    enabled: settled.trim() !== '',
    placeholderData: (before) => before,
    staleTime: 60_000,
    gcTime: 0,
  })
  const [valid, setValid] = useState<Definition | null>(null)
  const found = check.data?.definition ?? null
  useEffect(() => {
    if (found !== null) setValid(found)
  }, [found])
  return { findings: text.trim() === '' ? undefined : check.data?.findings, valid: found ?? valid, error: check.error }
}
