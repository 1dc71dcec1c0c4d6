/** Who does what, and how much it may cost: the things that one changes most, without touching the text. */
import { useQuery } from '@tanstack/react-query'
import type { Definition } from '../../../src/workflow/definition.ts'
import { agentsQuery } from '../server/queries.ts'
import { type BudgetField, withAgent, withBudget, worksOf } from './edit-plan.ts'

const MOST_WORKS = 60

const budgets: { field: Extract<BudgetField, 'tokens' | 'calls' | 'wall_clock'>; name: string; hint: string }[] = [
  { field: 'tokens', name: 'Tokens', hint: 'no bound' },
  { field: 'calls', name: 'Calls', hint: 'no bound' },
  { field: 'wall_clock', name: 'Time', hint: 'such as 10m' },
]

export function PlanControls({
  text,
  definition,
  onText,
}: {
  text: string
  definition: Definition
  onText: (text: string) => void
}) {
  const agents = useQuery(agentsQuery)
  const works = worksOf(definition.stages)
  const names = agents.data?.items.map(({ name }) => name) ?? []
  return (
    <details className="controls">
      <summary>Agents and budget</summary>
      <div className="controls-body">
        <div className="controls-fields">
          {budgets.map(({ field, name, hint }) => (
            <label key={field} className="field">
              <span>{name}</span>
              <input
                className="input"
                inputMode={field === 'wall_clock' ? 'text' : 'numeric'}
                placeholder={hint}
                defaultValue={definition.budget?.[field] ?? ''}
                key={String(definition.budget?.[field] ?? '')}
                onBlur={({ target }) => {
                  const value = target.value.trim()
                  const now = String(definition.budget?.[field] ?? '')
                  if (value === now) return
                  const number = Number(value)
                  onText(withBudget(text, field, value === '' ? null : Number.isSafeInteger(number) ? number : value))
                }}
              />
            </label>
          ))}
        </div>
        <div className="controls-fields">
          {works.slice(0, MOST_WORKS).map(({ path, address, agent, capability }) => {
            const offered = [...new Set([...names, ...(agent === null ? [] : [agent])])]
            const capabilities = [
              ...new Set([
                ...(capability === null ? [] : [capability]),
                ...(agents.data?.items.flatMap((one) => one.capabilities) ?? []),
              ]),
            ].sort()
            return (
              <label key={address} className="field">
                <span className="cut" title={address}>
                  {address}
                </span>
                <select
                  className="input"
                  value={agent === null ? `any ${capability}` : `one ${agent}`}
                  onChange={({ target }) => {
                    const [kind, ...rest] = target.value.split(' ')
                    const name = rest.join(' ')
                    onText(withAgent(text, path, kind === 'any' ? { capability: name } : { agent: name }))
                  }}
                >
                  <optgroup label="Any agent that can do">
                    {capabilities.map((name) => (
                      <option key={name} value={`any ${name}`}>
                        {name}
                      </option>
                    ))}
                  </optgroup>
                  <optgroup label="This agent">
                    {offered.map((name) => (
                      <option key={name} value={`one ${name}`}>
                        {name}
                      </option>
                    ))}
                  </optgroup>
                </select>
              </label>
            )
          })}
        </div>
        {works.length > MOST_WORKS && (
          <p className="muted small">{works.length - MOST_WORKS} more tasks: change them in the text.</p>
        )}
      </div>
    </details>
  )
}
