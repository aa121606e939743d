/** Mask of new files, in octal digits. */
export const UMASK = /^0?[0-7]{1,3}$/;

/** Name of a variable of the environment. */
export const VARIABLE = /^[^=]+$/;
