/** What TensorBoard imports: small and never cached, so that it always finds the page it was built with. */
export async function render(): Promise<void> {
  const { mount } = await import("./app");
  await mount();
}
