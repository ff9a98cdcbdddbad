/// Terminal colours, or none where the output is no terminal.
struct Ink: Sendable {
    enum Tone: Int, Sendable { case red = 31, green = 32, amber = 33, blue = 34, faint = 90, bold = 1 }

    var isColoured: Bool

    func callAsFunction(_ tone: Tone, _ text: String) -> String {
        self.isColoured ? "\u{1B}[\(tone.rawValue)m\(text)\u{1B}[0m" : text
    }
}
