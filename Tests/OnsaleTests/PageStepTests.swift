import Foundation
import Primitives
import Testing

@testable import onsale

/// What a page is asked for with, what is taken out of it, and what it is held against.
@Suite struct PageStepTests {
    static let url = SiteURL(scheme: .http, host: "s.test", port: 80, target: "/start?x=1")

    static func page(_ body: String, status: Int = 200, _ fields: [(String, String)] = []) -> PageResponse {
        var page = PageResponse(status: status)
        page.fields = fields.map { .init(name: $0.0, value: $0.1) }
        page.body = Array(body.utf8)
        page.bodyBytes = page.body.count
        return page
    }

    static func html(_ body: String, status: Int = 200, _ fields: [(String, String)] = []) -> PageResponse {
        Self.page(body, status: status, [("content-type", "text/html; charset=utf-8")] + fields)
    }

    // MARK: Requests

    @Test func templates_fillInSoThatNothingEndsEarly() throws {
        let values = ["seat": "A 1&b=\"\n"]
        #expect(try PageTemplate("/s/${seat}?c=$$5").filled(values, for: .address) == "/s/A%201%26b%3D%22%0A?c=$5")
        #expect(try PageTemplate(#"{"seat":"${seat}"}"#).filled(values, for: .json) == #"{"seat":"A 1&b=\"\u000a"}"#)
        #expect(try PageTemplate("x ${seat}").filled(values, for: .field) == "x A 1&b=\"")
        #expect(try PageTemplate("${gone}").filled(values, for: .plain) == nil)
    }

    @Test(arguments: ["$x", "${x", "${}", "${a b}", "${1a}", "cost: $"])
    func template_thatMakesNoSense_isRefused(text: String) {
        #expect(throws: PlayProblem.self) { try PageTemplate(text) }
    }

    @Test func requests_areMadeOfTheStepsParts() throws {
        var step = PageStep(name: "buy")
        #expect(step.request([:], url: Self.url) == PageRequest(target: "/start?x=1"))
        step.method = "POST"
        step.path = try PageTemplate("/buy/${visitor}")
        step.fields = [.init(name: "x-trace", value: try PageTemplate("v${random}"))]
        step.body = .form([
            .init(name: "seat no", value: try PageTemplate("${seat}")), .init(name: "n", value: try PageTemplate("2")),
        ])
        let values = ["visitor": "7", "random": "42", "seat": "A&1 ü"]
        let request = try #require(step.request(values, url: Self.url))
        #expect(request.method == "POST" && request.target == "/buy/7" && !request.isRepeatable)
        #expect(String(decoding: request.body, as: UTF8.self) == "seat+no=A%261+%C3%BC&n=2")
        #expect(request.fields.map(\.name) == ["x-trace", "content-type"] && request.fields[0].value == "v42")
        step.body = .json(try PageTemplate(#"{"seat":"${seat}"}"#))
        let json = try #require(step.request(values, url: Self.url))
        #expect(
            String(decoding: json.body, as: UTF8.self) == #"{"seat":"A&1 ü"}"#
                && json.fields[1].value == "application/json"
        )
        #expect(step.request(["visitor": "7", "random": "42"], url: Self.url) == nil)
    }

    @Test func plan_usesOnlyValuesThatAreThere() throws {
        var first = PageStep(name: "list")
        first.extractions = [PageExtraction(name: "seat", source: .field("x-seat"))]
        var second = PageStep(name: "buy")
        second.path = try PageTemplate("/buy/${seat}")
        #expect(try PagePlan([first, second]).steps.count == 2)
        #expect { try PagePlan([second, first]) } throws: { "\($0)".contains("\"buy\" uses ${seat}") }
        first.extractions[0].name = "visitor"
        #expect { try PagePlan([first]) } throws: { "\($0)".contains("every visitor has already") }
        #expect(throws: PlayProblem.self) { try PagePlan([]) }
    }

    @Test func steps_inAReport_areTheSame() throws {
        var step = PageStep(name: "buy", method: "POST", path: try PageTemplate("/b/${seat}"))
        step.fields = [.init(name: "x", value: try PageTemplate("y"))]
        step.body = .json(try PageTemplate(#"{"a":"${visitor}"}"#))
        step.assets = .listed([try PageTemplate("/a.js")])
        step.extractions = [
            PageExtraction(name: "a", source: .html(try HTMLSelector("#a@b"))),
            PageExtraction(name: "b", source: .match(try PagePattern("x(.)"))),
        ]
        step.checks = [.status([200]), .field("a", holds: "b"), .bytes(0...9), .lacks("c")]
        let data = try JSONEncoder().encode([step, PageStep(name: "plain")])
        #expect(try JSONDecoder().decode([PageStep].self, from: data) == [step, PageStep(name: "plain")])
    }

    // MARK: Values

    @Test(arguments: [
        ("items.1.id", "b7"), ("items.0.free", "true"), ("count", "12"), ("price", "1.5"), ("items.2.id", nil),
        ("items", nil), ("nothing", nil),
    ])
    func json_byPath_isFound(path: String, expected: String?) {
        let page = Self.page(#"{"items":[{"id":"a1","free":true},{"id":"b7"}],"count":12,"price":1.5,"nothing":null}"#)
        let source = PageExtraction.Source.json(path.split(separator: ".").map(String.init))
        #expect(PageExtraction(name: "x", source: source).value(in: page, cookies: SiteCookies()) == expected)
    }

    static let form = """
        <!doctype html><!-- <input name=csrf value=comment> --><script>var a = "<input name=csrf value=script>"</script>
        <form action="/buy"><input type=hidden name="csrf" value='t&amp;k'><INPUT NAME=seat VALUE=A7 />
        <p id=total class="big price"> 42 &lt; 43 </p><a class="go buy" data-seat="9" href=/seats/9>x</a>
        """

    @Test(arguments: [
        ("input[name=csrf]@value", "t&k"), ("input[name='seat']@value", "A7"), ("#total", "42 < 43"),
        (".price", "42 < 43"),
        ("a.buy[data-seat]@href", "/seats/9"), ("a.buy@data-seat", "9"), ("input[name=other]@value", nil), ("b", nil),
    ])
    func html_bySelector_isFound(selector: String, expected: String?) throws {
        let extraction = PageExtraction(name: "x", source: .html(try HTMLSelector(selector)))
        #expect(extraction.value(in: Self.html(Self.form), cookies: SiteCookies()) == expected)
    }

    @Test(arguments: ["", "a b", "a > b", "[", "[]", "#", ".", "a@", "*"])
    func selector_thatMakesNoSense_isRefused(text: String) {
        #expect(throws: PlayProblem.self) { try HTMLSelector(text) }
    }

    @Test func fieldsCookiesAndMatches_areFound() throws {
        var cookies = SiteCookies()
        cookies.take(setCookie: "basket=b9; Path=/", from: Self.url, nowSeconds: 0)
        let page = Self.page("order 17 and 18", [("x-seat", "A1")])
        func value(_ source: PageExtraction.Source) -> String? {
            PageExtraction(name: "x", source: source).value(in: page, cookies: cookies)
        }
        #expect(value(.field("x-seat")) == "A1" && value(.field("x-row")) == nil)
        #expect(value(.cookie("basket")) == "b9" && value(.cookie("other")) == nil)
        let group = try PagePattern("order ([0-9]+)")
        let whole = try PagePattern("[0-9]+")
        #expect(value(.match(group)) == "17" && value(.match(whole)) == "17")
        #expect(throws: PlayProblem.self) { try PagePattern("(") }
    }

    // MARK: Checks

    @Test func checks_holdWhereTheyShouldAndNowhereElse() throws {
        let page = Self.html("<b>Buy now</b>", [("x-shop", "open till 8")])
        let pairs: [(PageCheck, PageCheck)] = [
            (.status([201, 200]), .status([404])), (.field("x-shop", holds: "open"), .field("x-shop", holds: "closed")),
            (.field("x-shop", holds: ""), .field("x-gone", holds: "")), (.holds("Buy"), .holds("Sold")),
            (.lacks("Sold"), .lacks("Buy")), (.matches(try PagePattern("B.y")), .matches(try PagePattern("^x"))),
            (.bytes(1...14), .bytes(15...99)),
        ]
        for (good, bad) in pairs {
            #expect(good.holds(for: page, text: page.text), "\(good.words)")
            #expect(!bad.holds(for: page, text: page.text), "\(bad.words)")
        }
    }

    private static func read(_ page: PageResponse, _ change: (inout PageStep) -> Void = { _ in }) -> PageReading {
        var step = PageStep(name: "seats")
        change(&step)
        return PageReading(page, step: step, url: Self.url, cookies: SiteCookies())
    }

    @Test func reading_goodPage_givesItsValues() {
        let reading = Self.read(Self.page("ok", [("x-seat", "A1")])) {
            $0.checks = [.holds("ok")]
            $0.extractions = [PageExtraction(name: "seat", source: .field("x-seat"))]
        }
        #expect(reading.isPage && reading.values == ["seat": "A1"] && reading.response.fault == nil)
    }

    @Test func reading_failedCheckOrMissingValue_isTheSitesFault() {
        let failed = Self.read(Self.page("sold out")) { $0.checks = [.holds("Buy")] }
        #expect(
            failed.response.fault == .failedCheck && failed.complaint == "seats: not \"Buy\" in the body"
                && !failed.isPage
        )
        let missing = Self.read(Self.page("x")) {
            $0.extractions = [PageExtraction(name: "seat", source: .field("x-seat"))]
        }
        #expect(missing.response.fault == .failedCheck && missing.complaint == "seats: no value for ${seat}")
    }

    @Test func reading_errorStatus_isAnErrorUnlessAskedFor() {
        let busy = Self.read(Self.page("x", status: 503, [("retry-after", "9")])).response
        #expect(busy.status == 503 && busy.retryAfterSeconds == 9 && busy.standing == .unguarded)
        #expect(Self.read(Self.page("x", status: 404)) { $0.checks = [.holds("x")] }.response.status == 404)
        #expect(Self.read(Self.page("x", status: 404)) { $0.checks = [.status([404])] }.response.status == 200)
        let unsigned = Self.read(Self.page("x", status: 500)).response
        let signed = Self.read(Self.page("x", status: 500, [("sluice-error", "upstream; reset")])).response
        #expect(unsigned.hasMark && !unsigned.isGatewayError && !signed.hasMark && signed.isGatewayError)
    }
}
