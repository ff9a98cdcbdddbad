import TestKit
import Testing

@testable import onsale

/// The verdict on a site of which nothing is known but its address: a promise that no site can break would not be one.
@Suite struct SiteVerdictTests {
    /// What is wrong with a site.
    enum Flaw: CaseIterable, Sendable {
        case errorOnce, errorsAlways, partMissing, answersCutOff, noTimeToLookAgain

        var broken: Set<Check.Name> {
            switch self {
            case .errorOnce: [.serverErrors]
            case .errorsAlways: [.serverErrors, .accounted]
            case .partMissing: [.content, .accounted]
            case .answersCutOff: [.otherErrors, .accounted]
            case .noTimeToLookAgain: [.pages]
            }
        }

        func makeReply() -> @Sendable (ScriptedSite.Request) -> ScriptedSite.Reply {
            let asked = Record(0)
            return { request in
                asked.update { $0 += 1 }
                switch self {
                case .errorsAlways: return SiteCrowdTests.answer("", status: "500 Oops")
                case .errorOnce:
                    return asked.value == 1
                        ? SiteCrowdTests.answer("", status: "500 Oops") : SiteCrowdTests.answer("Shop")
                case .partMissing:
                    return request.path == "/start"
                        ? SiteCrowdTests.html("<img src=/x.png>") : SiteCrowdTests.answer("", status: "404 Not Found")
                case .answersCutOff: return .lastWords("HTTP/1.1 200 OK\r\nContent-Le")
                case .noTimeToLookAgain:
                    guard request.cookies.isEmpty else { return SiteCrowdTests.html("Shop") }
                    let page = ScriptedSite.page(number: 1, fields: "Set-Cookie: queue=1; Path=/\r\n")
                    return .answer(page.replacing("Retry-After: 1\r\n", with: ""))
                }
            }
        }
    }

    /// How fast answers come is this machine's doing, too.
    private static let timed: Set<Check.Name> = [.latency, .lineLatency, .doorLatency, .tool]

    @Test(arguments: Flaw.allCases)
    func site_withAFlaw_breaksWhatItShouldAndNothingElse(flaw: Flaw) throws {
        let outcome = try SiteCrowdTests.play(visitors: 6, reply: flaw.makeReply())
        let checks = Judge(objectives: Objectives(), evidence: outcome.evidence).siteVerdict().checks
        let failed = Set(checks.filter { $0.outcome == .failed }.map(\.name))
        let words = checks.map { "\($0.name.rawValue): \($0.outcome), \($0.measured), \($0.detail)" }
        #expect(failed.subtracting(Self.timed) == flaw.broken, "\(words.joined(separator: "\n"))")
    }

    /// Of a site with a line; the others are the very checks that are broken at the wall.
    @Test func promises_areEachBrokenBySomeSite_orAtTheWall() {
        let ofTheWall: Set<Check.Name> = [.order, .positions, .numbers, .placeKept, .estimates, .letInOnce]
        var evidence = JudgeTests.goodEvidence()
        evidence.site = SiteEvidence(lines: 1)
        let checks = Judge(objectives: Objectives(), evidence: evidence).siteVerdict().checks
        let broken = Flaw.allCases.reduce(into: Set<Check.Name>()) { $0.formUnion($1.broken) }
        #expect(Set(checks.map(\.name)) == broken.union(ofTheWall).union(Self.timed))
    }
}
