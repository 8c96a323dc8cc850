"""The viewer's half: TensorBoard loads it, and it reads event files only through TensorBoard's data provider."""
