/// Text in lines of a width.
enum Wrap {
    /// Lines of prose that are longer are hard to follow, however wide the terminal.
    static let longestProse = 110

    /// Two spaces in front, six where a sentence goes on.
    static func prose(_ text: String, columns: Int) -> [String] {
        let lines = Self.lines(text, width: min(columns, Self.longestProse), indent: 6)
        return lines.enumerated().map { $0.offset == 0 ? String($0.element.dropFirst(4)) : $0.element }
    }

    /// Broken between words; a word that is longer than a line stands alone. Every line begins with `indent` spaces.
    static func lines(_ text: String, width: Int, indent: Int = 0) -> [String] {
        let room = max(width - indent, 16)
        var lines: [String] = []
        for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
            var line = ""
            for word in paragraph.split(separator: " ") {
                if !line.isEmpty, line.count + 1 + word.count > room {
                    lines.append(line)
                    line = ""
                }
                line += line.isEmpty ? String(word) : " \(word)"
            }
            lines.append(line)
        }
        return lines.map { $0.isEmpty ? "" : String(repeating: " ", count: indent) + $0 }
    }
}
