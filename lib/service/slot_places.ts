/** Paths of an installation that holds several versions side by side. */
export interface SlotPlaces {
  /** Folder of the installation. */
  readonly root: string;
  /** Link to the version in use. */
  readonly current: string;
  /** Executable of the version in use, by way of the link. */
  readonly executable: string;
  /** Link on the PATH. */
  readonly command: string;
  /** Executable that looks before each start whether to go back to the version before. */
  readonly guard: string;
}
