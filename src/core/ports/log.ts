/** Where Rowcast says what it does: the shape of pino's loggers, and of `console` with the arguments turned. Never a row's values. */
export interface Log {
  info(about: object, message: string): void;
  warn(about: object, message: string): void;
  error(about: object, message: string): void;
}
