import ArgumentParser
import Foundation
import Settings
import Testing

@testable import onsale

/// The section `pages` of a scenario file.
@Suite struct PagesFileTests {
    private static func load(_ text: String) throws -> [PageStep] {
        try ScenarioFile.decode(Array(text.utf8), path: "/pages.yaml").pages
    }

    /// What the error says, without places.
    private static func problem(_ text: String) -> String {
        do {
            _ = try Self.load(text)
            return "no problem"
        } catch {
            return "\(error)"
        }
    }

    /// The example of the documentation.
    private static var example: String {
        get throws {
            let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
            let page = try String(contentsOf: root.appendingPathComponent("LoadTests/README.md"), encoding: .utf8)
            let start = try #require(page.firstRange(of: "```yaml\npages:")).lowerBound
            let text = page[start...].dropFirst("```yaml\n".count)
            return String(text[..<(try #require(text.firstRange(of: "```")).lowerBound)])
        }
    }

    @Test func example_isReadAsItIsMeant() throws {
        let steps = try Self.load(try Self.example)
        #expect(steps.map(\.name) == ["seats", "order form", "order", "pay"])
        #expect(steps.map(\.method) == ["GET", "GET", "POST", "PUT"])
        #expect(
            steps[0].extractions == [
                PageExtraction(name: "seat", source: .json(["seats", "0", "id"])),
                PageExtraction(name: "token", source: .field("x-csrf")),
            ]
        )
        #expect(steps[0].checks == [.status([200]), .field("content-type", holds: "json")])
        #expect(steps[0].fields.map(\.name) == ["accept"] && steps[0].assets == .asThePageSays)
        #expect(steps[1].checks == [.holds("Your seats"), .lacks("Sold out"), .bytes(200...Int.max)])
        #expect(steps[1].assets == .listed([try PageTemplate("/app.css"), try PageTemplate("/app.js")]))
        #expect(steps[1].extractions.map(\.name) == ["csrf", "price", "basket"])
        #expect(steps[3].assets == .listed([]) && steps[3].path?.names == ["basket"])
        guard case .form(let pairs) = steps[2].body, case .json(let json) = steps[3].body else {
            throw PageLoadTests.Unexpected()
        }
        #expect(pairs.map(\.name) == ["csrf", "seat", "mail"] && json.names == ["price", "random"])
    }

    @Test func noPages_isOnePage() throws {
        #expect(try Self.load("length: 60s").isEmpty)
    }

    @Test(arguments: [
        ("pages: [{path: /a}]", "pages[0].name"), ("pages: [{name: a, path: '/${seat}'}]", "uses ${seat}"),
        ("pages: [{name: a, path: '/${'}]", "a $ begins a value"),
        ("pages: [{name: a, form: {b: c}, json: d}]", "keep one of the two"),
        ("pages: [{name: a, method: GET, form: {b: c}}]", "has no body"),
        ("pages: [{name: a, method: get}]", "GET, HEAD, POST"),
        ("pages: [{name: a, headers: {Host: b}}]", "the connection keeps for itself"),
        ("pages: [{name: a, extract: {b: 'xml:c'}}]", "json:KEY.PATH"),
        ("pages: [{name: a, extract: {b: 'html:['}}]", "no selector"),
        ("pages: [{name: a, extract: {b: 'match:('}}]", "no regular expression"),
        ("pages: [{name: a, extract: {1b: 'json:c'}}]", "letters, digits"),
        ("pages: [{name: a, extract: {visitor: 'json:c'}}]", "every visitor has already"),
        ("pages: [{name: a, expect: {status: [99]}}]", "100 to 599"),
        ("pages: [{name: a, expect: {stats: [200]}}]", "did you mean status"),
        ("pages: [{name: a, expect: {least_bytes: 2KiB, most_bytes: 1KiB}}]", "below least_bytes"),
        ("pages: [{name: a, assets: all}]", "page (what the page's tags name), none"),
    ])
    func mistake_isToldWhereItIs(text: String, words: String) {
        let problem = Self.problem(text)
        #expect(problem.contains(words) && problem.contains("pages.yaml"), "\(problem)")
    }

    /// Without them it would be another visit, and nobody would know.
    @Test(arguments: [["simulate"], ["tune", "sluice.yaml"], ["play", "--sluice", "/bin/true"]])
    func pages_whereNoneOfThemIsAskedFor_areRefused(command: [String]) throws {
        let path = NSTemporaryDirectory() + "/pages-\(UUID().uuidString).yaml"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("pages: [{name: seats}]".utf8).write(to: URL(fileURLWithPath: path))
        var parsed = try Onsale.parseAsRoot(command + ["--scenario", path])
        do {
            try parsed.run()
            Issue.record("it was played")
        } catch {
            let words = Onsale.message(for: error)
            #expect(words.contains("the scenario's pages are those of a site of your own"), "\(words)")
        }
    }

    @Test func plan_ofPages_namesThemAndCountsTheirRequests() throws {
        var scenario = Scenario(visitors: 50, durationSeconds: 60, seed: 1)
        scenario.pages = [PageStep(name: "seats"), PageStep(name: "order")]
        let text = PlanText.render(try Crowd(scenario))
        #expect(text.contains("100 requests once inside"), "\(text)")
        #expect(text.contains("2 pages a visit") && text.contains("play --url") && text.contains("seats, order"))
    }
}
