/** What surrounds every view: navigation, command bar, connection, theme. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, Outlet, useRouterState } from '@tanstack/react-router'
import { useEffect, useState, useSyncExternalStore } from 'react'
import type { Connection } from '../server/connection.ts'
import { questionsQuery, statusQuery } from '../server/queries.ts'
import { sessionQuery, signOut } from '../server/session.ts'
import { signedOut } from '../server/signed-out.ts'
import { CommandBar } from './command-bar.tsx'
import { Icon, places } from './places.tsx'
import { setTheme, themes, useTheme } from './theme.ts'

const words = { connecting: 'Connecting', live: 'Live', polling: 'Asking every 3 s', lost: 'Connection lost' } as const

export function Shell({ connection }: { connection: Connection }) {
  const [command, setCommand] = useState(false)
  const [menu, setMenu] = useState(false)
  const state = useSyncExternalStore(connection.subscribe, connection.state)
  const path = useRouterState({ select: (router) => router.location.pathname })
  const status = useQuery(statusQuery)
  const questions = useQuery(questionsQuery)
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        setCommand((open) => !open)
      }
      if (event.key === 'Escape') setMenu(false)
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
  useEffect(() => setMenu(false), [path])
  const open = questions.data?.items.filter(({ kind }) => kind !== 'signal').length ?? 0
  const here = places.findLast(({ to }) => (to === '/' ? path === '/' : path.startsWith(to)))
  useEffect(() => {
    document.title = `${open > 0 ? `(${open}) ` : ''}${here?.name ?? 'Not found'} · Quorate`
  }, [open, here])
  return (
    <div className="shell">
      <a className="skip" href="#content">
        Skip to content
      </a>
      <nav className={menu ? 'side open' : 'side'} aria-label="Main">
        <Link to="/" className="side-head">
          <svg width="20" height="20" viewBox="0 0 16 16" aria-hidden="true">
            <rect width="16" height="16" rx="4" fill="var(--accent-fill)" />
            <circle cx="8" cy="8" r="3.6" fill="none" stroke="#fff" strokeWidth="1.6" />
            <path d="M9.600 9.600 12 12" stroke="#fff" strokeWidth="1.600" strokeLinecap="round" />
          </svg>
          Quorate
        </Link>
        {places.map(({ to, name, icon }) => (
          <Link key={to} to={to} className="nav" activeOptions={{ exact: to === '/', includeSearch: false }}>
            <Icon path={icon} />
            {name}
            {to === '/console/approvals' && open > 0 && (
              <span className="count">
                {open}
                <span className="sr"> open</span>
              </span>
            )}
          </Link>
        ))}
        <div className="side-foot">
          <SignedInAs />
          <ThemeChoice />
          <div className="row">
            <a href="/docs">API</a>
            <span>{status.data?.version}</span>
          </div>
        </div>
      </nav>
      <div className="main">
        <header className="top">
          <button
            type="button"
            className="button plain menu"
            aria-label="Menu"
            aria-expanded={menu}
            onClick={() => setMenu(!menu)}
          >
            <Icon path="M2 4h12M2 8h12M2 12h12" />
          </button>
          <div className="crumbs">
            <h1>{here?.name ?? 'Not found'}</h1>
          </div>
          <button type="button" className="command-open" onClick={() => setCommand(true)}>
            <span className="row">
              <Icon path="M7 11.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9zM10.500 10.500 14 14" />
              <span className="words">Start or find</span>
            </span>
            <kbd>{/mac/i.test(navigator.userAgent) ? '⌘K' : 'Ctrl K'}</kbd>
          </button>
          <span className={`connection ${state}`} role="status" title={words[state]}>
            <span className="words">{words[state]}</span>
            <span className="sr">, connection to the server</span>
          </span>
        </header>
        {state === 'lost' && (
          <div className="banner" role="alert">
            Quorate does not answer. What is shown is as it was last seen; it is tried again by itself.
          </div>
        )}
        <Outlet />
      </div>
      {command && <CommandBar onClose={() => setCommand(false)} />}
    </div>
  )
}

/** Only where Quorate asks for keys. */
function SignedInAs() {
  const session = useQuery(sessionQuery)
  const leave = useMutation({ mutationFn: signOut, onSuccess: () => signedOut.set(true) })
  if (session.data?.authentication !== 'keys') return null
  return (
    <div className="row">
      <span className="cut" title={session.data.name}>
        <span className="sr">Signed in as </span>
        {session.data.name}
      </span>
      <button type="button" className="button" disabled={leave.isPending} onClick={() => leave.mutate()}>
        Sign out
      </button>
    </div>
  )
}

function ThemeChoice() {
  const theme = useTheme()
  return (
    <label className="row">
      Theme
      <select
        className="input"
        value={theme}
        onChange={(event) => setTheme(themes.find((one) => one === event.target.value) ?? 'system')}
      >
        {themes.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </label>
  )
}
