import Primitives

/// Steps through the opening tags of an HTML page, with their attributes. Comments, and what stands in scripts and
/// styles, are stepped over. No tree is built: what a visitor needs to know of a page stands in single tags.
struct HTMLTags: Sequence, IteratorProtocol {
    struct Tag: Equatable {
        /// In lower case.
        var name: String
        /// Names in lower case; of several of one name the first counts.
        var attributes: [String: String]
        /// Where in the bytes the tag ends.
        var end: Int
    }

    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func next() -> Tag? {
        while let start = self.index(of: UInt8(ascii: "<")) {
            self.position = start + 1
            if self.rest(startsWith: "!--") {
                self.position = self.end(of: "-->", from: start + 4) ?? self.bytes.count
                continue
            }
            guard let first = self.byte, ASCII.isLetter(first) else { continue }
            return self.tag()
        }
        return nil
    }

    private var byte: UInt8? { self.position < self.bytes.count ? self.bytes[self.position] : nil }

    private mutating func tag() -> Tag {
        let name = self.name()
        var attributes: [String: String] = [:]
        while true {
            while let byte = self.byte, Self.isBlank(byte) || byte == UInt8(ascii: "/") { self.position += 1 }
            guard let byte = self.byte, byte != UInt8(ascii: ">") else { break }
            let key = self.name()
            // A stray character is no name.
            guard !key.isEmpty else {
                self.position += 1
                continue
            }
            self.skipBlanks()
            var value = ""
            if self.byte == UInt8(ascii: "=") {
                self.position += 1
                self.skipBlanks()
                value = self.value()
            }
            if attributes[key] == nil { attributes[key] = value }
        }
        self.position = Swift.min(self.position + 1, self.bytes.count)
        let tag = Tag(name: name, attributes: attributes, end: self.position)
        if name == "script" || name == "style" {
            self.position = self.end(of: "</\(name)", from: self.position) ?? self.bytes.count
        }
        return tag
    }

    private mutating func name() -> String {
        let start = self.position
        while let byte = self.byte, !Self.isBlank(byte), !"=/>".utf8.contains(byte) { self.position += 1 }
        return String(decoding: self.bytes[start..<self.position].map(ASCII.lowercased), as: UTF8.self)
    }

    private mutating func value() -> String {
        guard let quote = self.byte else { return "" }
        let start: Int
        let end: Int
        if quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
            start = self.position + 1
            end = self.bytes[start...].firstIndex(of: quote) ?? self.bytes.count
            self.position = Swift.min(end + 1, self.bytes.count)
        } else {
            start = self.position
            while let byte = self.byte, !Self.isBlank(byte), byte != UInt8(ascii: ">") { self.position += 1 }
            end = self.position
        }
        return Self.unescaped(String(decoding: self.bytes[start..<end], as: UTF8.self))
    }

    private mutating func skipBlanks() { while let byte = self.byte, Self.isBlank(byte) { self.position += 1 } }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private func index(of byte: UInt8) -> Int? { self.bytes[self.position...].firstIndex(of: byte) }

    private func rest(startsWith text: StaticString) -> Bool {
        let wanted = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        return self.bytes[self.position...].starts(with: wanted)
    }

    /// Behind the next occurrence of `text`, which is in lower case.
    private func end(of text: String, from start: Int) -> Int? {
        let wanted = Array(text.utf8)
        var index = start
        while index + wanted.count <= self.bytes.count {
            if self.bytes[index] == wanted[0],
                self.bytes[index..<(index + wanted.count)].elementsEqual(wanted, by: { ASCII.lowercased($0) == $1 })
            {
                return index + wanted.count
            }
            index += 1
        }
        return nil
    }

    /// The escapes that attributes are written with.
    static func unescaped(_ text: String) -> String {
        let ampersand = UInt8(ascii: "&")
        guard text.utf8.contains(ampersand) else { return text }
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let rest = bytes[index...]
            let escape = bytes[index] == ampersand ? Self.escapes.first { rest.starts(with: $0.text.utf8) } : nil
            result.append(escape?.byte ?? bytes[index])
            index += escape?.text.utf8.count ?? 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static let escapes: [(text: String, byte: UInt8)] = [
        ("&quot;", UInt8(ascii: "\"")), ("&#39;", UInt8(ascii: "'")), ("&#x27;", UInt8(ascii: "'")),
        ("&lt;", UInt8(ascii: "<")), ("&gt;", UInt8(ascii: ">")), ("&amp;", UInt8(ascii: "&")),
    ]

    /// The words of an attribute that holds several.
    static func words(of value: String) -> [String] {
        value.utf8.split(whereSeparator: Self.isBlank).map { String(Substring($0)) }
    }

    // MARK: What pages are asked for

    /// Addresses of what a browser loads beside the page: scripts, style sheets, pictures.
    static func assets(of page: [UInt8]) -> [String] {
        HTMLTags(page).compactMap { tag in
            switch tag.name {
            case "script", "img": return tag.attributes["src"]
            case "link":
                let kinds = Self.words(of: (tag.attributes["rel"] ?? "").lowercased())
                return kinds.contains("stylesheet") || kinds.contains("icon") ? tag.attributes["href"] : nil
            default: return nil
            }
        }
    }

    /// `content` of `<meta http-equiv="refresh">`.
    static func refresh(of page: [UInt8]) -> String? {
        HTMLTags(page).first { $0.name == "meta" && $0.attributes["http-equiv"]?.lowercased() == "refresh" }?
            .attributes["content"]
    }
}
