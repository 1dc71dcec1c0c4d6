/** What is shown instead of everything else until this browser has shown a key. */
import { type FormEvent, useState } from 'react'
import { Fault } from '../parts/states.tsx'
import { signIn } from '../server/session.ts'

export function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const key = String(new FormData(event.currentTarget).get('key') ?? '').trim()
    setBusy(true)
    try {
      await signIn(key)
      onSignedIn()
    } catch (failed) {
      setError(failed)
      setBusy(false)
    }
  }
  return (
    <main id="content" className="sign-in">
      <title>Sign in · Quorate</title>
      <form className="panel" onSubmit={submit}>
        <header>
          <h1>Sign in to Quorate</h1>
        </header>
        <div className="body stack">
          <label className="field">
            <span>API key</span>
            <input
              className="input mono"
              name="key"
              type="password"
              autoComplete="current-password"
              placeholder="qk_…"
              required
              // biome-ignore lint/a11y/noAutofocus: there is nothing else on the page
              autoFocus
              aria-describedby="key-help"
            />
          </label>
          {error !== null && <Fault error={error} />}
          <button type="submit" className="button primary" disabled={busy}>
            {busy ? 'Signing in …' : 'Sign in'}
          </button>
          <p id="key-help" className="muted">
            You have none? Who runs this Quorate makes one, on its machine:
            <code className="block break">quorate keys create NAME --permissions all</code>
          </p>
        </div>
      </form>
    </main>
  )
}
