import Foundation
import Primitives

/// A value that is taken out of a page, for the requests that follow.
struct PageExtraction: Codable, Equatable, Sendable {
    enum Source: Codable, Equatable, Sendable {
        /// Keys and indexes into JSON, joined by dots: `basket.items.0.id`.
        case json([String])
        /// The first tag that fits, and the attribute of it; nil: the text behind the tag.
        case html(HTMLSelector)
        /// The first group of the first match in the body, or the match itself when there is no group.
        case match(PagePattern)
        /// In lower case.
        case field(String)
        case cookie(String)
    }

    var name: String
    var source: Source

    /// nil when the page does not hold it.
    func value(in response: PageResponse, cookies: SiteCookies) -> String? {
        let value =
            switch self.source {
            case .json(let path): Self.json(path, in: response.body)
            case .html(let selector): selector.value(in: response.body)
            case .match(let pattern): pattern.firstGroup(in: response.text)
            case .field(let name): response.value(of: name)
            case .cookie(let name): cookies.value(of: name)
            }
        guard let value, value.utf8.count > PageTemplate.mostValueBytes else { return value }
        return String(decoding: value.utf8.prefix(PageTemplate.mostValueBytes), as: UTF8.self)
    }

    /// Nothing can be taken out of a body that cannot be read.
    var readsTheBody: Bool {
        switch self.source {
        case .json, .html, .match: true
        case .field, .cookie: false
        }
    }

    private static func json(_ path: [String], in body: [UInt8]) -> String? {
        guard var node = try? JSONSerialization.jsonObject(with: Data(body), options: .fragmentsAllowed) else {
            return nil
        }
        for key in path {
            if let object = node as? [String: Any], let next = object[key] {
                node = next
            } else if let list = node as? [Any], let index = Int(key), list.indices.contains(index) {
                node = list[index]
            } else {
                return nil
            }
        }
        switch node {
        case let text as String: return text
        // A number keeps its digits, and `true` is not 1.
        case let number as NSNumber where isBoolean(number): return number.boolValue ? "true" : "false"
        case let number as NSNumber: return number.stringValue
        default: return nil
        }
    }
}

/// Whether a number of a JSON text was written as `true` or `false`.
private func isBoolean(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }

/// A regular expression, as `NSRegularExpression` reads it.
struct PagePattern: Equatable, Sendable {
    let source: String
    private let expression: NSRegularExpression

    /// Throws what is wrong in words; the caller says where.
    init(_ source: String) throws(PlayProblem) {
        self.source = source
        do {
            self.expression = try NSRegularExpression(pattern: source)
        } catch {
            throw PlayProblem("\"\(source)\" is no regular expression")
        }
    }

    func firstGroup(in text: String) -> String? {
        let whole = NSRange(text.startIndex..., in: text)
        guard let match = self.expression.firstMatch(in: text, range: whole) else { return nil }
        let range = match.range(at: min(1, match.numberOfRanges - 1))
        return Range(range, in: text).map { String(text[$0]) }
    }

    func matches(_ text: String) -> Bool { self.firstGroup(in: text) != nil }

    static func == (left: PagePattern, right: PagePattern) -> Bool { left.source == right.source }
}

/// The small part of CSS selectors that finds a single tag: `input[name=csrf]`, `#total`, `.price`, `a.buy[data-seat]`;
/// behind an `@` the attribute that is wanted: `input[name=csrf]@value`.
struct HTMLSelector: Equatable, Sendable {
    private struct Condition: Equatable, Sendable {
        var attribute: String
        /// nil: it is enough that the attribute is there.
        var value: String?
        /// The value is one of several, separated by blanks.
        var isWord = false
    }

    let source: String
    private var tag = ""
    private var conditions: [Condition] = []
    private var attribute: String?

    /// Throws what is wrong in words; the caller says where.
    init(_ source: String) throws(PlayProblem) {
        self.source = source
        var rest = source[...]
        if let sign = rest.lastIndex(of: "@"), !rest[sign...].contains("]") {
            self.attribute = rest[rest.index(after: sign)...].lowercased()
            rest = rest[..<sign]
        }
        self.tag = Self.word(&rest).lowercased()
        while let first = rest.first {
            rest = rest.dropFirst()
            switch first {
            case "#": self.conditions.append(Condition(attribute: "id", value: Self.word(&rest)))
            case ".": self.conditions.append(Condition(attribute: "class", value: Self.word(&rest), isWord: true))
            case "[":
                guard let end = rest.firstIndex(of: "]") else { throw Self.problem(source) }
                let parts = rest[..<end].split(separator: "=", maxSplits: 1)
                guard let name = parts.first else { throw Self.problem(source) }
                let value = parts.count > 1 ? parts[1].trimmingCharacters(in: CharacterSet(charactersIn: "\"'")) : nil
                self.conditions.append(Condition(attribute: name.lowercased(), value: value))
                rest = rest[rest.index(after: end)...]
            default: throw Self.problem(source)
            }
        }
        let isEmpty = self.tag.isEmpty && self.conditions.isEmpty || self.attribute == ""
        guard !isEmpty, !self.conditions.contains(where: { $0.value == "" }) else { throw Self.problem(source) }
    }

    private static func problem(_ source: String) -> PlayProblem {
        PlayProblem("\"\(source)\" is no selector of one tag, as input[name=csrf]@value, #total or a.buy@href are")
    }

    private static func word(_ rest: inout Substring) -> String {
        let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
        rest = rest[word.endIndex...]
        return String(word)
    }

    func value(in page: [UInt8]) -> String? {
        guard let tag = HTMLTags(page).first(where: self.fits) else { return nil }
        if let attribute = self.attribute { return tag.attributes[attribute] }
        let text = page[tag.end...].prefix { $0 != UInt8(ascii: "<") }
        return HTMLTags.unescaped(String(decoding: text, as: UTF8.self)).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func fits(_ tag: HTMLTags.Tag) -> Bool {
        guard self.tag.isEmpty || self.tag == tag.name else { return false }
        return self.conditions.allSatisfy { condition in
            guard let found = tag.attributes[condition.attribute] else { return false }
            guard let value = condition.value else { return true }
            return condition.isWord ? HTMLTags.words(of: found).contains(value) : found == value
        }
    }
}
