import Primitives

/// Servers in a few lines each, as far as the way from a request target to a resource goes.
///
/// Each is a list of steps over the path. They are written in the plainest way, apart from the code under test.
struct ModelServer: CustomStringConvertible {
    enum Step: String, CaseIterable {
        /// One pass over escapes; broken ones stay.
        case decode
        /// Only escapes of letters, digits and `-._~` are decoded, as by URL normalisers.
        case decodeUnreserved
        /// `;params` of each segment.
        case strip
        case merge
        /// Dot segments as RFC 3986 says; `..` at the root stays there.
        case resolve
        /// The same, with empty segments passed over, as nginx and Go do.
        case clean
        /// The same, with `%2e` taken for a dot and the rest left as it is, as WHATWG's URL parser does.
        case resolveEscaped
        /// `//host` at the start is a host.
        case dropHost
        /// Dots and spaces at the ends of segments, as Windows.
        case trim
        /// Backslashes are slashes.
        case unix
        /// A decoded `?` or `#` starts the query.
        case cut
        /// Overlong UTF-8 forms of ASCII become ASCII.
        case lenientUTF8
        /// What follows a NUL is lost on a C library.
        case cutAtNull
    }

    let name: String
    let steps: [Step]

    init(_ name: String, _ steps: Step...) {
        self.name = name
        self.steps = steps
    }

    init(steps: [Step]) {
        self.name = steps.map(\.rawValue).joined(separator: " ")
        self.steps = steps
    }

    var description: String { self.name }

    /// The resource's path, or nil when the server refuses.
    func path(of target: String) -> String? {
        var path = Array(target.utf8)
        for step in self.steps {
            guard let next = Self.take(step, path) else { return nil }
            path = next
        }
        return String(decoding: path, as: UTF8.self)
    }

    /// The server sees a resource at or below `room`, a path in small letters. All letters are alike to it.
    func isIn(_ room: String, _ target: String) -> Bool { self.path(of: target).map { Self.isIn(room, $0) } ?? false }

    static func isIn(_ room: String, _ path: String) -> Bool {
        let path = path.lowercased()
        return path == room || path.hasPrefix(room + "/")
    }

    static let known = [
        ModelServer("as sent"),
        ModelServer("nginx, merge_slashes on", .decode, .clean),
        ModelServer("nginx, merge_slashes off", .decode, .resolve),
        ModelServer("Apache, AllowEncodedSlashes", .resolve, .merge, .decode, .resolve),
        ModelServer("Go's mux", .decode, .clean),
        ModelServer("Node, url.pathname", .dropHost, .unix, .resolveEscaped),
        ModelServer("Node, decoded pathname", .dropHost, .unix, .resolveEscaped, .decode),
        ModelServer("Express static", .decode, .unix, .clean),
        ModelServer("WSGI", .decode),
        ModelServer("WSGI behind a rewriting host", .decode, .dropHost),
        ModelServer("Tomcat", .strip, .decode, .merge, .resolve),
        ModelServer("Tomcat, late", .decode, .strip, .merge, .resolve),
        ModelServer("Jetty", .resolve, .strip, .decode, .clean),
        ModelServer("servlet without cleaning", .strip, .decode),
        ModelServer("double decoder", .decode, .clean, .decode),
        ModelServer("double decoder, cleans late", .decode, .decode, .clean),
        ModelServer("double decoder with params", .decode, .strip, .decode, .clean),
        ModelServer("params after two decodings", .decode, .decode, .strip, .clean),
        ModelServer("IIS", .decode, .unix, .clean, .trim),
        ModelServer(
            "IIS, unpatched",
            .lenientUTF8,
            .decode,
            .lenientUTF8,
            .unix,
            .clean,
            .decode,
            .unix,
            .clean,
            .trim
        ),
        ModelServer("Windows files", .decode, .unix, .trim, .clean),
        ModelServer("URL normaliser", .decodeUnreserved, .resolve, .merge),
        ModelServer("normaliser before a decoder", .decodeUnreserved, .resolve, .merge, .decode),
        ModelServer("resolver before decoder", .resolve, .decode),
        ModelServer("resolver on both sides", .resolve, .decode, .resolve),
        ModelServer("merger before decoder", .merge, .decode),
        ModelServer("merger after decoder", .decode, .merge),
        ModelServer("rewriter", .decode, .cut, .clean),
        ModelServer("C library", .decode, .cutAtNull, .clean),
        ModelServer("trims only", .decode, .trim),
    ]

    /// Any order of steps that some stack of a proxy, a framework and a file system may take.
    static func random(using random: inout SplitMix64) -> ModelServer {
        var steps: [Step] = []
        // Hosts are looked for in the target itself.
        if Int.random(in: 0..<4, using: &random) == 0 { steps.append(.dropHost) }
        var decodings = 0
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let step = [Step.decode, .strip, .merge, .resolve, .clean, .cut, .resolveEscaped, .decodeUnreserved]
                .randomElement(using: &random)!
            let isDecoding = step == .decode || step == .decodeUnreserved
            if isDecoding, decodings == 2 { continue }
            // An undecoded `?` is not in a path.
            if step == .cut, decodings == 0 { continue }
            decodings += isDecoding ? 1 : 0
            steps.append(step)
        }
        if Int.random(in: 0..<4, using: &random) == 0 { steps.append(.trim) }
        return ModelServer(steps: steps)
    }
}

extension ModelServer {
    private static func take(_ step: Step, _ path: [UInt8]) -> [UInt8]? {
        switch step {
        case .decode: self.decode(path) { _ in true }
        case .decodeUnreserved:
            self.decode(path) { byte in
                ASCII.isDigit(byte) || ASCII.lowercased(byte) &- 0x61 < 26 || "-._~".utf8.contains(byte)
            }
        case .strip: self.perSegment(path) { $0.prefix { $0 != UInt8(ascii: ";") } }
        case .merge: self.join(path.split(separator: 0x2F), endsWithSlash: path.last == 0x2F)
        case .resolve: self.resolve(path) { $0 }
        case .clean: self.take(.merge, path).flatMap { self.take(.resolve, $0) }
        case .resolveEscaped:
            self.resolve(path) { Array(self.text($0).lowercased().replacing("%2e", with: ".").utf8)[...] }
        case .dropHost: self.dropHost(path)
        case .trim:
            self.perSegment(path) { segment in
                if segment.elementsEqual(".".utf8) || segment.elementsEqual("..".utf8) { return segment }
                return segment.prefix(segment.count - segment.reversed().prefix { $0 == 0x2E || $0 == 0x20 }.count)
            }
        case .unix: path.map { $0 == 0x5C ? 0x2F : $0 }
        case .cut: Array(path.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
        case .lenientUTF8: self.lenient(path)
        case .cutAtNull: Array(path.prefix { $0 != 0 })
        }
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func decode(_ path: [UInt8], _ isWanted: (UInt8) -> Bool) -> [UInt8] {
        var result: [UInt8] = []
        var rest = path[...]
        while let byte = rest.first {
            let digits = rest.dropFirst().prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, let value = UInt8(self.text(digits), radix: 16),
                !digits.contains(UInt8(ascii: "+")), !digits.contains(UInt8(ascii: "-")), isWanted(value)
            {
                result.append(value)
                rest = rest.dropFirst(3)
            } else {
                result.append(byte)
                rest = rest.dropFirst()
            }
        }
        return result
    }

    private static func perSegment(_ path: [UInt8], _ body: (ArraySlice<UInt8>) -> ArraySlice<UInt8>) -> [UInt8] {
        Array(path.split(separator: 0x2F, omittingEmptySubsequences: false).map(body).joined(separator: [0x2F]))
    }

    private static func join(_ segments: [ArraySlice<UInt8>], endsWithSlash: Bool) -> [UInt8] {
        var path: [UInt8] = []
        for segment in segments { path += [0x2F] + segment }
        return endsWithSlash || path.isEmpty ? path + [0x2F] : path
    }

    private static func resolve(_ path: [UInt8], _ meaning: (ArraySlice<UInt8>) -> ArraySlice<UInt8>) -> [UInt8] {
        var kept: [ArraySlice<UInt8>] = []
        let segments = path.split(separator: 0x2F, omittingEmptySubsequences: false).dropFirst()
        var endsWithSlash = false
        for segment in segments {
            let meant = meaning(segment)
            let isDots = meant.elementsEqual(".".utf8) || meant.elementsEqual("..".utf8)
            if meant.elementsEqual("..".utf8) { _ = kept.popLast() }
            if !isDots { kept.append(segment) }
            endsWithSlash = isDots
        }
        return self.join(kept, endsWithSlash: endsWithSlash)
    }

    private static func dropHost(_ path: [UInt8]) -> [UInt8] {
        guard path.starts(with: "//".utf8) else { return path }
        let rest = path.drop { $0 == 0x2F }.drop { $0 != 0x2F }
        return rest.isEmpty ? [0x2F] : Array(rest)
    }

    /// `%c0%af` and its like, escaped or not.
    private static func lenient(_ path: [UInt8]) -> [UInt8] {
        var text = String(decoding: path.map { $0 < 0x80 ? $0 : UInt8(ascii: "?") }, as: UTF8.self).lowercased()
        for (form, character) in [("%c0%af", "/"), ("%c0%ae", "."), ("%c1%9c", "\\"), ("%e0%80%af", "/")] {
            text = text.replacing(form, with: character)
        }
        return Array(text.utf8)
    }
}
