import Primitives

/// One page of a visit: what is asked for, what is taken out of the response, and what it must be like.
struct PageStep: Codable, Equatable, Sendable {
    enum Body: Codable, Equatable, Sendable {
        case none
        /// `application/x-www-form-urlencoded`; values are escaped.
        case form([Pair])
        /// A JSON text; values are filled in as the content of strings.
        case json(PageTemplate)
    }

    struct Pair: Codable, Equatable, Sendable {
        var name: String
        var value: PageTemplate
    }

    /// What is loaded beside the page, over parallel connections or streams, each address once a visit.
    enum Assets: Codable, Equatable, Sendable {
        /// Those that the page's tags name, on the same site; `mostAssets` of them.
        case asThePageSays
        case listed([PageTemplate])
    }

    static let mostAssets = 64

    var name: String
    var method = "GET"
    /// Path and query; nil: those of the address that the run was given.
    var path: PageTemplate?
    var fields: [Pair] = []
    var body = Body.none
    var assets = Assets.asThePageSays
    var extractions: [PageExtraction] = []
    var checks: [PageCheck] = []

    /// nil when a value is missing that an earlier page was to give.
    func request(_ values: [String: String], url: SiteURL) -> PageRequest? {
        var target = url.target
        if let path = self.path {
            guard let text = path.filled(values, for: .address), let there = url.following(text) else { return nil }
            target = there.target
        }
        var request = PageRequest(method: self.method, target: target)
        for pair in self.fields {
            guard let value = pair.value.filled(values, for: .field) else { return nil }
            request.fields.append(.init(name: pair.name, value: value))
        }
        switch self.body {
        case .none: break
        case .form(let pairs):
            var parts: [String] = []
            for pair in pairs {
                guard let value = pair.value.filled(values, for: .plain) else { return nil }
                parts.append("\(Self.escapedForm(pair.name))=\(Self.escapedForm(value))")
            }
            request.body = Array(parts.joined(separator: "&").utf8)
            request.add("content-type", "application/x-www-form-urlencoded")
        case .json(let template):
            guard let text = template.filled(values, for: .json) else { return nil }
            request.body = Array(text.utf8)
            request.add("content-type", "application/json")
        }
        return request
    }

    /// As HTML forms are sent.
    private static func escapedForm(_ text: String) -> String {
        PercentCoding.encoded(text) { ASCII.isLetter($0) || ASCII.isDigit($0) || "-._~ ".utf8.contains($0) }
            .replacing(" ", with: "+")
    }

    /// A page that says something else would be found out; a status alone says nothing of that.
    var isTold: Bool {
        !self.extractions.isEmpty || self.checks.contains { if case .status = $0 { false } else { true } }
    }

    /// Values that its requests need.
    var names: [String] {
        var templates = self.fields.map(\.value)
        if let path = self.path { templates.append(path) }
        switch self.body {
        case .none: break
        case .form(let pairs): templates += pairs.map(\.value)
        case .json(let template): templates.append(template)
        }
        if case .listed(let assets) = self.assets { templates += assets }
        return templates.flatMap(\.names)
    }
}

extension PageRequest {
    /// Adds a field that the step has not set itself.
    mutating func add(_ name: String, _ value: String) {
        if !self.fields.contains(where: { $0.name == name }) { self.fields.append(.init(name: name, value: value)) }
    }
}

/// The pages of a visit, in order.
struct PagePlan: Equatable, Sendable {
    static let mostSteps = 100

    let steps: [PageStep]
    /// One page that is asked for again and again: what is played without a file.
    let isOnePage: Bool

    /// The address of the run, its assets, and the same again after some thought.
    static let onePage = PagePlan(steps: [PageStep(name: "the page")], isOnePage: true)

    private init(steps: [PageStep], isOnePage: Bool) {
        self.steps = steps
        self.isOnePage = isOnePage
    }

    /// Throws the first thing that cannot be played, in words.
    init(_ steps: [PageStep]) throws(PlayProblem) {
        guard (1...Self.mostSteps).contains(steps.count) else {
            throw PlayProblem("a visit has \(steps.count) pages: it must have 1 to \(Self.mostSteps)")
        }
        var known = Set(PageTemplate.ownNames)
        for step in steps {
            for name in step.names where !known.contains(name) {
                throw PlayProblem(
                    "the page \"\(step.name)\" uses ${\(name)}, which no earlier page extracts; known here: "
                        + known.sorted().joined(separator: ", ")
                )
            }
            for extraction in step.extractions {
                guard !PageTemplate.ownNames.contains(extraction.name) else {
                    throw PlayProblem(
                        "the page \"\(step.name)\" extracts \"\(extraction.name)\", which every visitor has already: "
                            + "use another name"
                    )
                }
                known.insert(extraction.name)
            }
        }
        self.init(steps: steps, isOnePage: false)
    }

    /// Of how many something is known that they must say.
    var toldSteps: Int { self.steps.count { $0.isTold } }

    /// The page that comes when so many have been seen.
    func step(after done: Int) -> PageStep { self.steps[done % self.steps.count] }
}
