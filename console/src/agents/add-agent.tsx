/** Adds an agent: the few fields that each has, and the settings of its system as JSON, which the server checks. */
import { type FormEvent, useState } from 'react'
import { useAction } from '../parts/action.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { FormEnd } from '../parts/form-end.tsx'
import type { Input } from '../server/client.ts'

/** What the settings of the usual systems look like; others are said by the server's answer. */
const samples: Record<string, string> = {
  command: '{ "command": ["wc", "-w"], "input": "stdin" }',
  ollama: '{ "model": "qwen2.5:3b" }',
  openai_compatible: '{ "model": "gpt-4o-mini", "base_url": "https://…", "api_key": "env:OPENAI_API_KEY" }',
  http: '{ "url": "http://127.0.0.1:9000/task" }',
}

export function AddAgent({ onClose }: { onClose: (added?: string) => void }) {
  const add = useAction('add_agent', (agent) => onClose(agent.name))
  const [system, setSystem] = useState('command')
  const [settings, setSettings] = useState(samples.command ?? '')
  const [wrong, setWrong] = useState<Error | null>(null)
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const text = (name: string) => String(form.get(name) ?? '').trim()
    let parsed: Input<'add_agent'>['settings']
    try {
      parsed = JSON.parse(settings.trim() || '{}')
      setWrong(null)
    } catch (error) {
      setWrong(new Error(`The settings are not JSON: ${(error as Error).message}`))
      return
    }
    add.mutate({
      name: text('name'),
      system,
      description: text('description'),
      capabilities: text('capabilities')
        .split(/[\s,]+/)
        .filter(Boolean),
      concurrency: Number(text('concurrency')) || 1,
      settings: parsed,
    })
  }
  return (
    <Dialog title="Add an agent" onClose={() => onClose()}>
      <form className="stack" onSubmit={submit}>
        <label className="field">
          <span>Name</span>
          <input className="input" name="name" required maxLength={100} autoFocus />
        </label>
        <label className="field">
          <span>System: what drives it</span>
          <input
            className="input"
            name="system"
            list="systems"
            required
            value={system}
            onChange={(event) => {
              const next = event.target.value
              if (settings === '' || settings === samples[system]) setSettings(samples[next] ?? '{}')
              setSystem(next)
            }}
          />
          <datalist id="systems">
            {Object.keys(samples).map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </label>
        <label className="field">
          <span>Settings (JSON). Secrets only as references: env:NAME or file:PATH</span>
          <textarea
            className="input code"
            spellCheck={false}
            value={settings}
            onChange={(event) => setSettings(event.target.value)}
          />
        </label>
        <label className="field">
          <span>Capabilities, separated by commas</span>
          <input className="input" name="capabilities" placeholder="reviewing, counting" />
        </label>
        <div className="row">
          <label className="field grow">
            <span>What it is for</span>
            <input className="input" name="description" maxLength={2000} />
          </label>
          <label className="field">
            <span>Tasks at once</span>
            <input className="input" name="concurrency" type="number" min={1} max={1000} defaultValue={4} />
          </label>
        </div>
        <FormEnd action={add} error={wrong ?? add.error} does="Add" doing="Adding …" onCancel={() => onClose()} />
      </form>
    </Dialog>
  )
}
