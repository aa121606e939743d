export function unicodeWidth(str: string): number;
