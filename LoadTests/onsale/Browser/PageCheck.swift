/// What a page must be like, or it counts as an error of the site. Without a check on the status, 2xx and 3xx are good.
enum PageCheck: Codable, Equatable, Sendable {
    case status([Int])
    /// The field is there, and its value holds the text; the name is in lower case.
    case field(String, holds: String)
    case holds(String)
    case lacks(String)
    case matches(PagePattern)
    /// Bytes of the whole body.
    case bytes(ClosedRange<Int>)

    func holds(for response: PageResponse, text: String) -> Bool {
        switch self {
        case .status(let allowed): allowed.contains(response.status)
        case .field(let name, let part): response.value(of: name).map { Self.finds(part, in: $0) } ?? false
        case .holds(let part): Self.finds(part, in: text)
        case .lacks(let part): !Self.finds(part, in: text)
        case .matches(let pattern): pattern.matches(text)
        case .bytes(let range): range.contains(response.bodyBytes)
        }
    }

    /// By bytes: a mark behind the text that combines with its last letter does not hide it.
    private static func finds(_ part: String, in text: String) -> Bool {
        part.isEmpty || text.utf8.firstRange(of: part.utf8) != nil
    }

    /// It says what the page itself looks like, so that no page of a waiting room passes for it.
    var tellsThePage: Bool {
        switch self {
        case .holds, .matches: true
        case .status, .field, .lacks, .bytes: false
        }
    }

    /// Of a body that cannot be read nothing of the kind can be said.
    var readsTheBody: Bool {
        switch self {
        case .holds, .lacks, .matches, .bytes: true
        case .status, .field: false
        }
    }

    /// In the words of the report.
    var words: String {
        switch self {
        case .status(let allowed): "status \(allowed.map(String.init).joined(separator: " or "))"
        case .field(let name, ""): "the header \(name)"
        case .field(let name, let part): "\"\(part)\" in the header \(name)"
        case .holds(let part): "\"\(part)\" in the body"
        case .lacks(let part): "no \"\(part)\" in the body"
        case .matches(let pattern): "a match of \(pattern.source) in the body"
        case .bytes(let range): "a body of \(range.lowerBound) to \(range.upperBound) bytes"
        }
    }
}
