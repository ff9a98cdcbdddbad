import Primitives

/// A text with places to be filled in: `/seats/${seat}?visitor=${visitor}`. `$$` is a dollar sign.
///
/// Names are those of values that earlier pages gave (`extract`), and two that every visitor has: `visitor`, the index
/// in the crowd, and `random`, a number from 0 to 999,999,999 that the seed fixes for each visitor.
struct PageTemplate: Equatable, Sendable {
    static let ownNames = ["visitor", "random"]
    /// Longest value that is filled in; more of it is cut off.
    static let mostValueBytes = 4096

    /// How a value is written where it is filled in, so that it cannot end what it stands in.
    enum Place: Sendable {
        /// In a path, a query or a form.
        case address
        /// In a string of a JSON text.
        case json
        /// In a header: control characters are dropped.
        case field
        case plain
    }

    private enum Piece: Equatable, Sendable {
        case text(String)
        case value(String)
    }

    let source: String
    private let pieces: [Piece]

    /// Throws what is wrong in words; the caller says where.
    init(_ source: String) throws(PlayProblem) {
        self.source = source
        var pieces: [Piece] = []
        var text = ""
        var rest = source[...]
        while let dollar = rest.firstIndex(of: "$") {
            text += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            if rest.first == "$" {
                text += "$"
                rest = rest.dropFirst()
                continue
            }
            guard rest.first == "{", let end = rest.firstIndex(of: "}") else {
                throw PlayProblem("\"\(source)\": a $ begins a value, as in ${visitor}; write $$ for the sign itself")
            }
            let name = String(rest[..<end].dropFirst())
            guard Self.isName(name) else {
                throw PlayProblem("\"\(source)\": \"\(name)\" is no name: use letters, digits and underscores")
            }
            if !text.isEmpty { pieces.append(.text(text)) }
            text = ""
            pieces.append(.value(name))
            rest = rest[rest.index(after: end)...]
        }
        text += rest
        if !text.isEmpty { pieces.append(.text(text)) }
        self.pieces = pieces
    }

    static func isName(_ text: String) -> Bool {
        (1...40).contains(text.utf8.count) && !ASCII.isDigit(text.utf8.first!)
            && text.utf8.allSatisfy { ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == UInt8(ascii: "_") }
    }

    /// Values that it needs.
    var names: [String] {
        self.pieces.compactMap { piece in
            guard case .value(let name) = piece else { return nil }
            return name
        }
    }

    /// nil when a value is not there: the page that was to give it did not.
    func filled(_ values: [String: String], for place: Place) -> String? {
        var result = ""
        for piece in self.pieces {
            switch piece {
            case .text(let text): result += text
            case .value(let name):
                guard let value = values[name] else { return nil }
                result += Self.written(value, place)
            }
        }
        return result
    }

    private static func written(_ value: String, _ place: Place) -> String {
        switch place {
        case .plain: return value
        case .address:
            return PercentCoding.encoded(value) { ASCII.isLetter($0) || ASCII.isDigit($0) || "-._~".utf8.contains($0) }
        case .field: return String(value.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F })
        case .json:
            var text = ""
            for scalar in value.unicodeScalars {
                switch scalar {
                case "\"": text += "\\\""
                case "\\": text += "\\\\"
                case _ where scalar.value < 0x20:
                    let digits = String(scalar.value, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                default: text.unicodeScalars.append(scalar)
                }
            }
            return text
        }
    }
}
