/** Where one can go. */
const icons = {
  overview: 'M2 2h5v6H2zM9 2h5v3H9zM9 7h5v7H9zM2 10h5v4H2z',
  runs: 'M2 3.5h12M2 8h12M2 12.5h8',
  approvals: 'M2.5 8.5 6 12l7.5-8',
  agents: 'M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.5 14c.6-3 2.8-4 5.5-4s4.900 1 5.500 4',
  swarms:
    'M8 3.500a1.500 1.500 0 1 0 0-.010zM3.500 11.500a1.500 1.500 0 1 0 0-.010zM12.500 11.500a1.500 1.500 0 1 0 0-.010zM7.200 4.800 4.200 10M8.800 4.800l3 5.200M5 11.500h6',
  definitions: 'M3 3h4v4H3zM9 9h4v4H9zM7 5h2.500a1.500 1.500 0 0 1 1.500 1.500V9',
  metrics: 'M2 14h12M4 11V8M8 11V4M12 11V6',
  settings: 'M2 5h7M12 5h2M2 11h2M7 11h7M9 3v4M4 9v4',
  start: 'M8 2.500v11M2.500 8h11',
} as const

export const places = [
  { to: '/', name: 'Overview', icon: icons.overview },
  { to: '/console/runs', name: 'Runs', icon: icons.runs },
  { to: '/console/approvals', name: 'Approvals', icon: icons.approvals },
  { to: '/console/swarms', name: 'Swarms', icon: icons.swarms },
  { to: '/console/agents', name: 'Agents', icon: icons.agents },
  { to: '/console/definitions', name: 'Definitions', icon: icons.definitions },
  { to: '/console/metrics', name: 'Metrics', icon: icons.metrics },
  { to: '/console/settings', name: 'Settings', icon: icons.settings },
  { to: '/console/start', name: 'Start a goal', icon: icons.start },
] as const

export function Icon({ path }: { path: string }) {
  return (
    <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <path d={path} fill="none" stroke="currentColor" strokeWidth="1.4" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  )
}
