/** What is used of limits: one bar each, with the figures beside it. */
export type Meter = {
  name: string
  used: number
  /** Set aside for what is under way. */
  held: number
  limit: number
  text: (amount: number) => string
}

const exact = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 })
const short = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 })
/** Small sums of money keep their digits. */
export const amountText = (amount: number): string => (amount < 10_000 ? exact.format(amount) : short.format(amount))

/** From this share on a limit is near. */
const NEAR = 0.8

export function Meters({ label, meters }: { label: string; meters: readonly Meter[] }) {
  return (
    <ul className="meters small" aria-label={label}>
      {meters.map(({ name, used, held, limit, text }) => {
        const share = (amount: number) => `${limit === 0 ? 100 : Math.min(100, (amount / limit) * 100)}%`
        const tone = used >= limit ? 'used-up' : used >= limit * NEAR ? 'near' : ''
        return (
          <li key={name}>
            <span className="muted cut" title={name}>
              {name}
            </span>
            <span className={`share ${tone}`} aria-hidden="true">
              <i className="held" style={{ width: share(used + held) }} />
              <i style={{ width: share(used) }} />
            </span>
            <span className="num">
              {text(used)} of {text(limit)}
              {used >= limit && <span className="sr">, used up</span>}
            </span>
          </li>
        )
      })}
    </ul>
  )
}
