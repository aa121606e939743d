/** Versions that may be names of folders and parts of lines. */
export const VERSION_PATTERN =
  /^\d{1,9}\.\d{1,9}\.\d{1,9}(?:-[0-9A-Za-z.-]{1,64})?$/;
