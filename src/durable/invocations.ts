/** What can be invoked through the engine: names, for those who call. */
export const RUN = 'run'
export const CALL = 'call'
export const CLOCK = 'clock'
