import Admission
import Primitives
import Testing

@testable import onsale

/// Waiting rooms as pages: Sluice's, in JSON and in HTML, and those of other makes.
@Suite struct RoomPageTests {
    private static func room(_ page: PageResponse, isThePage: Bool = false) -> RoomPage? {
        RoomPage(page, isThePage: isThePage, url: PageStepTests.url)
    }

    private static func sluice(_ body: String, state: String = "waiting") -> RoomPage? {
        Self.room(PageStepTests.html(body, [("sluice-state", state), ("retry-after", "7")]))
    }

    @Test func sluicesPage_positionAndEstimate_areRead() throws {
        let page = """
            <!doctype html><meta http-equiv="refresh" content="7"><div role="status"><p>Your position in line</p>\
            <p class="position">1234</p><p class="lead">Opens in 2 minutes. It is your turn in about 20 to 45 seconds.</p>
            """
        let room = try #require(Self.sluice(page))
        #expect(room.standing == .waiting && room.retryAfterSeconds == 7)
        let told = try #require(room.page)
        #expect(told.position == 1234 && told.refreshSeconds == 7 && told.opensInSeconds == 120)
        #expect(told.estimateSeconds == 20...45 && told.number == nil)
        let minutes = Self.sluice(page.replacing("20 to 45 seconds", with: "1 to 3 minutes"))
        #expect(minutes?.page?.estimateSeconds == 0...180)
        let one = Self.sluice(page.replacing("20 to 45 seconds", with: "2 minutes"))
        #expect(one?.page?.estimateSeconds == 120...120)
        #expect(Self.sluice(page.replacing("in about", with: "in"))?.page?.estimateSeconds == nil)
        let days = page.replacing("Opens in 2 minutes", with: "Opens in 3 days")
        #expect(Self.sluice(days)?.page?.opensInSeconds == 259_200)
        let endless = page.replacing("Opens in 2 minutes", with: "Opens in 9223372036854775807 hours")
        #expect(Self.sluice(endless)?.page?.opensInSeconds == 0)
        #expect(Self.sluice(page, state: "at-door")?.standing == .atDoor)
        // Without a time to come again the page makes no sense.
        #expect(Self.sluice("<p>wait</p>")?.page == nil)
    }

    @Test func sluicesJSON_isReadAsEver() {
        let body = #"{"state":"waiting","number":5,"position":3,"refresh_seconds":2,"estimate_seconds":[4,9]}"#
        let page = PageStepTests.page(body, [("sluice-state", "waiting"), ("content-type", "application/json")])
        #expect(Self.room(page)?.page?.number == 5 && Self.room(page)?.page?.estimateSeconds == 4...9)
    }

    @Test(arguments: [
        PageStepTests.html("<meta http-equiv=refresh content='20'>"),
        PageStepTests.html("<META HTTP-EQUIV=\"Refresh\" CONTENT=\"20; URL=/start?x=1\">", status: 503),
        PageStepTests.html("busy", [("refresh", "20")]),
        PageStepTests.html("busy", status: 429, [("retry-after", "20")]),
        PageStepTests.html("busy", [("retry-after", "20")]),
    ])
    func otherRooms_askToComeAgain(page: PageResponse) throws {
        let room = try #require(Self.room(page))
        #expect(room.standing == .waiting && room.page?.refreshSeconds == 20 && room.retryAfterSeconds == 20)
        // The step knows the page by its text.
        #expect(Self.room(page, isThePage: true) == nil)
    }

    @Test(arguments: [
        PageStepTests.html("<p>hello</p>"), PageStepTests.html("<meta http-equiv=refresh content='0; url=/other'>"),
        PageStepTests.html("<meta http-equiv=refresh content='5; url=/other'>"),
        PageStepTests.html("<meta http-equiv=refresh content='900'>"),
        PageStepTests.html("<meta http-equiv=refresh content='x'>"),
        PageStepTests.html("busy", status: 500, [("retry-after", "20")]),
        PageStepTests.page("busy", status: 503, [("retry-after", "20")]),
        PageStepTests.html("<!-- <meta http-equiv=refresh content='20'> -->"),
    ])
    func otherPages_areNoRooms(page: PageResponse) { #expect(Self.room(page) == nil) }

    @Test func reading_waitingPage_hasTheNumberOfTheCookie() throws {
        let token = AdmissionToken(
            kind: .place,
            keyID: 1,
            lane: 0x82,
            room: 9,
            epoch: 4,
            number: 77,
            issuedSeconds: 1,
            expiresSeconds: 2
        )
        var cookies = SiteCookies()
        let value = token.unsignedText
        let url = CookieTests.shop
        cookies.take(setCookie: "__Host-sluice-place-sale=\(value); Path=/; Secure", from: url, nowSeconds: 0)
        let place = try #require(LinePlace(cookies))
        #expect(place.number == 77 && place.line == LinePlace.Line(room: 9, epoch: 4, lane: 2))

        let page = PageStepTests.html("<meta http-equiv=refresh content=3>", status: 429, [("sluice-state", "waiting")])
        let reading = PageReading(page, step: PageStep(name: "x"), url: PageStepTests.url, cookies: cookies)
        #expect(reading.isOutside && !reading.isPage && reading.response.status == 200)
        #expect(reading.response.page?.number == 77 && reading.response.page?.refreshSeconds == 3)

        // In two lines at a time nobody knows which number is meant.
        cookies.take(setCookie: "__Host-sluice-place-other=\(value); Path=/; Secure", from: url, nowSeconds: 0)
        #expect(LinePlace(cookies) == nil)
        var spoiled = SiteCookies()
        spoiled.take(setCookie: "sluice-place-sale=!\(value.dropFirst()); Path=/", from: url, nowSeconds: 0)
        #expect(LinePlace(spoiled) == nil)
    }
}
