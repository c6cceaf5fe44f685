const PROJECT_LABEL = 'com.docker.compose.project';

/** The query parameter that asks for what belongs to one compose project, or to any. */
export function labelFilter(project?: string): string {
  const label = project === undefined ? PROJECT_LABEL : `${PROJECT_LABEL}=${project}`;
  return `filters=${encodeURIComponent(JSON.stringify({ label: [label] }))}`;
}
