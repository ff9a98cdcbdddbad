import Settings

/// One page of `pages:` as it stands in the file.
struct PageText: SettingsSection, CustomStringConvertible {
    enum Method: String, CaseIterable, Sendable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    var name = ""
    var method: Method?
    var path: PageTemplate?
    var headers: [PageStep.Pair] = []
    var form: [PageStep.Pair] = []
    var json: PageTemplate?
    var assets = PageStep.Assets.asThePageSays
    var extract: [PageExtraction] = []
    var expect = ExpectText()

    static var fields: [SettingsField<Self>] {
        [
            .value("name", \.name, .text("a text", maxBytes: 100), .live, isRequired: true),
            .value("method", \.method, .either("auto", or: .word), .live),
            .value("path", \.path, .either("null", or: .template), .live),
            .value("headers", \.headers, .headers, .live),
            .value("form", \.form, .pairs, .live),
            .value("json", \.json, .either("null", or: .template), .live),
            .value("assets", \.assets, .assets, .live),
            .value("extract", \.extract, .extractions, .live),
            .section("expect", \.expect),
        ]
    }

    var description: String { self.name.isEmpty ? "a page" : self.name }

    static func check(_ text: Self, at path: String, _ findings: inout Findings) {
        let hasBody = !text.form.isEmpty || text.json != nil
        if !text.form.isEmpty, text.json != nil {
            findings.report(
                findings.positions["\(path).json"],
                "\(path).json",
                "form is there, too: keep one of the two"
            )
        }
        if hasBody, text.method == .get || text.method == .head {
            let message = "a \(text.method?.rawValue ?? "GET") has no body: take out form and json, or write POST"
            findings.report(findings.positions["\(path).method"], "\(path).method", message)
        }
    }

    var step: PageStep {
        var step = PageStep(name: self.name)
        step.path = self.path
        step.fields = self.headers
        if !self.form.isEmpty { step.body = .form(self.form) }
        if let json = self.json { step.body = .json(json) }
        // Whoever sends something means to send it.
        step.method = self.method?.rawValue ?? (step.body == .none ? "GET" : "POST")
        step.assets = self.assets
        step.extractions = self.extract
        step.checks = self.expect.checks
        return step
    }

    /// The plan of all pages of a file; nil when there are none, and after reporting what does not go together.
    static func plan(_ pages: [PageText], _ findings: inout Findings) -> PagePlan? {
        guard !pages.isEmpty, findings.problems.isEmpty else { return nil }
        do throws(PlayProblem) {
            return try PagePlan(pages.map(\.step))
        } catch {
            findings.report(findings.positions["pages"], "pages", error.description)
            return nil
        }
    }
}

/// `expect:` of a page.
struct ExpectText: SettingsSection {
    var status: [Int] = []
    var headers: [PageStep.Pair] = []
    var body: String?
    var lacks: String?
    var match: PagePattern?
    var leastBytes: Int?
    var mostBytes: Int?

    static var fields: [SettingsField<Self>] {
        let text = ValueKind<String>.text("a text", maxBytes: 1_000)
        let size = ValueKind<Int>.size(0...(1 << 30))
        return [
            .value("status", \.status, .list(of: .count(100...599), count: 0...20), .live),
            .value("headers", \.headers, .headers, .live),
            .value("body", \.body, .either("null", or: text), .live),
            .value("lacks", \.lacks, .either("null", or: text), .live),
            .value("match", \.match, .either("null", or: .pattern), .live),
            .value("least_bytes", \.leastBytes, .either("null", or: size), .live),
            .value("most_bytes", \.mostBytes, .either("null", or: size), .live),
        ]
    }

    static func check(_ text: Self, at path: String, _ findings: inout Findings) {
        guard let least = text.leastBytes, let most = text.mostBytes, least > most else { return }
        let key = "\(path).most_bytes"
        findings.report(findings.positions[key], key, "it is below least_bytes: no page can be like that")
    }

    var checks: [PageCheck] {
        var checks: [PageCheck] = []
        if !self.status.isEmpty { checks.append(.status(self.status)) }
        checks += self.headers.map { .field($0.name, holds: $0.value.source) }
        if let body = self.body { checks.append(.holds(body)) }
        if let lacks = self.lacks { checks.append(.lacks(lacks)) }
        if let match = self.match { checks.append(.matches(match)) }
        if self.leastBytes != nil || self.mostBytes != nil {
            checks.append(.bytes((self.leastBytes ?? 0)...(self.mostBytes ?? .max)))
        }
        return checks
    }
}

// MARK: Kinds of values

/// Lends the words of a problem to the reader of a value.
private func refusing<Value>(_ make: () throws(PlayProblem) -> Value) throws(Refusal) -> Value {
    do throws(PlayProblem) {
        return try make()
    } catch {
        throw Refusal("which will not do (\(error.description))")
    }
}

extension ValueKind where Value == PageTemplate {
    static var template: Self {
        .scalar("a text in which ${name} stands for a value", write: \.source.quotedForPages) {
            text throws(Refusal) in
            guard text.utf8.count <= 65_536 else { throw Refusal("which has \(text.utf8.count) bytes") }
            return try refusing { () throws(PlayProblem) in try PageTemplate(text) }
        }
    }
}

extension ValueKind where Value == PagePattern {
    static var pattern: Self {
        .scalar("a regular expression", write: \.source.quotedForPages) { text throws(Refusal) in
            try refusing { () throws(PlayProblem) in try PagePattern(text) }
        }
    }
}

extension ValueKind where Value == [PageStep.Pair] {
    /// Names that the file chooses, and a text for each.
    static var pairs: Self { Self.named(isHeader: false) }

    /// Those that the connection itself needs are not for the file.
    static var headers: Self { Self.named(isHeader: true) }

    private static let ownHeaders = ["host", "connection", "content-length", "transfer-encoding", "upgrade", "te"]

    private static func named(isHeader: Bool) -> Self {
        let kind = ValueKind<PageTemplate>.template
        return ValueKind(
            allowed: "a mapping of \(isHeader ? "headers" : "names") to texts",
            read: { site, findings in
                PairsText.read(site, &findings) { name, site, findings in
                    if isHeader {
                        let isToken = !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }
                        guard isToken, !Self.ownHeaders.contains(name.lowercased()) else {
                            site.refuse(
                                because: Refusal("under a name that the connection keeps for itself"),
                                &findings
                            )
                            return nil
                        }
                    }
                    return kind.read(site, &findings).map {
                        PageStep.Pair(name: isHeader ? name.lowercased() : name, value: $0)
                    }
                }
            },
            write: { pairs in
                "{\(pairs.map { "\($0.name): \($0.value.source.quotedForPages)" }.joined(separator: ", "))}"
            }
        )
    }
}

extension ValueKind where Value == [PageExtraction] {
    static var extractions: Self {
        let allowed =
            "json:KEY.PATH, html:SELECTOR@ATTRIBUTE, match:REGULAR EXPRESSION, header:NAME or cookie:NAME for each name"
        let kind = ValueKind<PageExtraction>.scalar(allowed, write: { $0.name }) { text throws(Refusal) in
            try PageExtraction.parse(text)
        }
        return ValueKind(
            allowed: "a mapping of names to where their values are: \(allowed)",
            read: { site, findings in
                PairsText.read(site, &findings) { name, site, findings in
                    guard PageTemplate.isName(name) else {
                        site.refuse(because: Refusal("under a name that is not of letters, digits and _"), &findings)
                        return nil
                    }
                    return kind.read(site, &findings).map { PageExtraction(name: name, source: $0.source) }
                }
            },
            write: { "{\($0.map(\.name).joined(separator: ", "))}" }
        )
    }
}

extension PageExtraction {
    /// Where a value is, in the words of the file.
    fileprivate static func parse(_ text: String) throws(Refusal) -> PageExtraction {
        guard let colon = text.firstIndex(of: ":") else { throw Refusal() }
        let rest = String(text[text.index(after: colon)...])
        guard !rest.isEmpty else { throw Refusal("which ends too early") }
        let source: Source
        switch text[..<colon] {
        case "json": source = .json(rest.split(separator: ".", omittingEmptySubsequences: false).map(String.init))
        case "html": source = .html(try refusing { () throws(PlayProblem) in try HTMLSelector(rest) })
        case "match": source = .match(try refusing { () throws(PlayProblem) in try PagePattern(rest) })
        case "header": source = .field(rest.lowercased())
        case "cookie": source = .cookie(rest)
        default: throw Refusal()
        }
        return PageExtraction(name: "", source: source)
    }
}

extension ValueKind where Value == PageStep.Assets {
    static var assets: Self {
        let list = ValueKind<[PageTemplate]>.list(of: .template, count: 0...PageStep.mostAssets)
        return ValueKind(
            allowed: "page (what the page's tags name), none, or \(list.allowed)",
            brief: "page, none, or \(list.brief)",
            read: { site, findings in
                switch site.node.content {
                case .scalar("page", isPlain: true): return .asThePageSays
                case .scalar("none", isPlain: true): return .listed([])
                case .sequence: return list.read(site, &findings).map { .listed($0) }
                case .scalar, .mapping:
                    site.refuse(&findings)
                    return nil
                }
            },
            write: { assets in
                switch assets {
                case .asThePageSays: "page"
                case .listed([]): "none"
                case .listed(let templates): list.write(templates)
                }
            }
        )
    }
}

/// Mappings whose keys the file chooses.
private enum PairsText {
    static let most = 100

    static func read<Item>(
        _ site: ValueSite,
        _ findings: inout Findings,
        _ item: (String, ValueSite, inout Findings) -> Item?
    ) -> [Item]? {
        guard case .mapping(let entries) = site.node.content, entries.count <= Self.most else {
            site.refuse(&findings)
            return nil
        }
        var items: [Item] = []
        var seen: Set<String> = []
        for entry in entries {
            let path = site.path.appending(key: entry.key)
            findings.place(path, at: entry.keyPosition)
            guard seen.insert(entry.key).inserted else {
                findings.report(entry.keyPosition, path, "the key is there twice; keep one of the two")
                continue
            }
            let inner = ValueSite(node: entry.value, path: path, allowed: site.allowed)
            if let made = item(entry.key, inner, &findings) { items.append(made) }
        }
        return items
    }
}

extension String {
    fileprivate var quotedForPages: String { "\"\(self)\"" }
}
