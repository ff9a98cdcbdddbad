import Admission
import Primitives

@testable import onsale

/// What stands between the visitors and a sound site and breaks it in one way: holds requests and answers back, rewrites
/// pages, loses, forges and mixes up cookies. Without a fault it passes everything on as it is.
struct FaultyProxy {
    enum Asker {
        case visitor(Int), probe(ProbeKind)
        /// The proxy for itself: it takes a place that it gives to somebody else.
        case proxy
    }

    /// A request on its way.
    struct Asked {
        let asker: Asker
        /// By the books: whose place it is.
        let book: Int
        /// The cookies as they were sent, and as the site is shown them.
        let shown: SimulatedJars.Jar
        var passedOn: SimulatedJars.Jar
        var isExit: Bool
        /// Over a connection that was used before.
        let isKept: Bool
        let sentAt: Instant

        init(
            asker: Asker,
            book: Int = 0,
            shown: SimulatedJars.Jar = .init(),
            isExit: Bool = false,
            isKept: Bool = false,
            sentAt: Instant
        ) {
            self.asker = asker
            self.book = book
            self.shown = shown
            self.passedOn = shown
            self.isExit = isExit
            self.isKept = isKept
            self.sentAt = sentAt
        }

        var isNewcomer: Bool { self.shown.pass == nil && self.shown.place == nil }
    }

    /// What an answer to a probe shows; `sets`: the tokens that came with it.
    static func outcome(_ kind: ProbeKind, _ asked: Asked, _ response: Response, _ sets: SimulatedJars.Jar)
        -> ProbeResult.Outcome
    {
        let place = asked.shown.place?.number
        return ProbeResult.Outcome(
            isLetIn: response.standing == .admitted,
            isOwners: kind == .forgedPlace && place != nil && response.page?.number == place,
            shown: asked.shown.pass?.number ?? place,
            given: sets.pass?.number
        )
    }

    /// When something happens, and how far the line is then.
    struct Moment {
        /// From the start of the run.
        var seconds: Double
        var opensAt: Double
        var serving: Int64
        var issued: Int64
        var isOpen: Bool { self.seconds >= self.opensAt }
        var opensInSeconds: Int64 { max(0, Int64((self.opensAt - self.seconds).rounded(.up))) }
    }

    enum Way {
        case passesOn, swallows
        /// The site does not hear of it.
        case answers(Response)
        case fails(ErrorKind)
    }

    enum Fate {
        /// At that second of the run.
        case answer(Response, seconds: Double)
        case failure(ErrorKind)
    }

    let fault: Fault?
    /// Places that the proxy took for itself.
    var places: [AdmissionToken] = []
    private var looks: [Int64]
    private var wronged: Set<Int> = []
    private var lastPlace: AdmissionToken?
    private var tailHeldSince: Double?
    /// The first range that each was told.
    private var firstEstimates: [Int: ClosedRange<Int64>] = [:]
    /// How far the line was when the second gateway last heard of it.
    private var staleServing: Int64 = 0
    private var draw = SplitMix64(seed: 77)

    init(_ fault: Fault?, visitors: Int) {
        self.fault = fault
        self.looks = Array(repeating: 0, count: visitors)
    }

    // MARK: Requests

    mutating func way(of asked: inout Asked, _ moment: Moment) -> Way {
        guard let fault = self.fault else { return .passesOn }
        self.looks[asked.book] += 1
        switch fault {
        case .connectionsRefused:
            if self.draw.drawFlag(share: 0.004) { return .fails(.refused) }
        case .serverErrors, .unsignedErrors:
            guard self.draw.drawFlag(share: 0.004) else { break }
            return .answers(Response(status: 503, isGatewayError: fault == .serverErrors, hasMark: false))
        case .turnsTheHonestAway:
            if self.draw.drawFlag(share: 0.002) { return .answers(Response(status: 429)) }
        case .pagesCutOff:
            guard self.draw.drawFlag(share: 0.004) else { break }
            return .answers(Response(status: 200, standing: .waiting))
        case .visitorForgotten:
            if asked.book == self.looks.count / 2, asked.shown.pass == nil { return .swallows }
        case .letInTwice:
            guard let pass = asked.shown.pass, asked.book.isMultiple(of: 10), self.wrongs(asked.book) else { break }
            return .answers(Self.page(pass.number, moment))
        case .slotsNotGivenBack: asked.isExit = false
        case .placeForgotten, .placeRenewed:
            guard let place = asked.shown.place, asked.shown.pass == nil, place.number > moment.serving,
                asked.book.isMultiple(of: 50), fault == .placeRenewed || self.wrongs(asked.book)
            else { break }
            asked.passedOn.place = nil
        case .lowestStarved, .lowestJoining, .tailHeldBack:
            guard let place = asked.shown.place, asked.shown.pass == nil, place.number <= moment.serving,
                self.isHeldBack(place.number, moment)
            else { break }
            return .answers(Self.page(place.number, moment))
        case .newcomersFirst, .numbersKeptBack: self.givePlace(to: &asked, moment)
        case .placeFromACache:
            if asked.isNewcomer, asked.book.isMultiple(of: 50) { asked.passedOn.place = self.lastPlace }
        default: break
        }
        return .passesOn
    }

    /// Each is wronged once.
    private mutating func wrongs(_ book: Int) -> Bool { self.wronged.insert(book).inserted }

    /// The lowest for twenty-two seconds, or the last of the line for twelve.
    private mutating func isHeldBack(_ number: Int64, _ moment: Moment) -> Bool {
        guard self.fault == .tailHeldBack else { return number <= 200 && moment.seconds < moment.opensAt + 22 }
        guard moment.seconds > 56, number > moment.issued - 20 else { return false }
        let since = self.tailHeldSince ?? moment.seconds
        self.tailHeldSince = since
        return moment.seconds < since + 12
    }

    /// As the room writes it for somebody who has been called.
    private static func page(_ number: Int64, _ moment: Moment) -> Response {
        var page = WaitingPage(number: number, refreshSeconds: 2, opensInSeconds: moment.opensInSeconds)
        page.position = max(1, number - moment.serving)
        page.waiting = max(0, moment.issued - moment.serving)
        page.estimateSeconds = 0...2
        return Response(status: 200, standing: .waiting, page: page, retryAfterSeconds: 2)
    }

    /// Before the opening some come with whom the proxy takes another place; or it asks for each again.
    func takesPlace(_ asked: Asked, _ moment: Moment) -> Bool {
        if self.fault == .newcomersAskTwice { return asked.isNewcomer }
        guard self.fault == .newcomersFirst || self.fault == .numbersKeptBack else { return false }
        return asked.isNewcomer && !moment.isOpen && asked.book.isMultiple(of: 20)
    }

    /// After it some are given these: the next one, or one that has been called, by which they are let in at once.
    private mutating func givePlace(to asked: inout Asked, _ moment: Moment) {
        guard asked.isNewcomer, moment.isOpen, asked.book.isMultiple(of: 20) else { return }
        let index = self.places.firstIndex { self.fault == .numbersKeptBack || $0.number <= moment.serving }
        guard let index else { return }
        asked.passedOn.place = self.places.remove(at: index)
    }

    // MARK: Answers

    /// `sets`: the cookies that come with it.
    mutating func relay(
        _ response: Response,
        _ sets: inout SimulatedJars.Jar,
        to asked: Asked,
        _ moment: Moment
    ) -> Fate {
        if let place = asked.passedOn.place, asked.shown.place != place, sets.place == nil { sets.place = place }
        if let place = sets.place { self.lastPlace = place }
        guard let fault = self.fault else { return .answer(response, seconds: moment.seconds) }
        if fault == .answersLost || fault == .answersLostOnKept && asked.isKept && !asked.isExit,
            self.draw.drawFlag(share: 0.02)
        {
            return .failure(.broken)
        }
        var response = response
        if var page = response.page {
            let look = Fault.Look(book: asked.book, looks: self.looks[asked.book], moment: moment)
            if fault == .gatewaysDisagree { self.tellStale(&page, look) }
            if fault == .estimateFrozen { self.freeze(&page, asked.book) }
            fault.spoil(&page, look, &self.draw)
            response.page = page
            response.retryAfterSeconds = page.refreshSeconds
            response.standing = fault.standing(look) ?? response.standing
        } else if response.standing == .admitted, !asked.isExit {
            // Whose exit page is lost, is out all the same.
            response.hasMark = !fault.spoilsPage(&self.draw)
            if fault.failsPage(at: moment.seconds, &self.draw) { response.status = 500 }
        }
        let isLetIn = asked.passedOn.pass == nil && response.standing == .admitted
        let sent = ProxiedSale.seconds(asked.sentAt)
        let late = fault.lateness(of: response, isLetIn: isLetIn, sent: sent, answered: moment.seconds, &self.draw)
        return .answer(response, seconds: moment.seconds + late)
    }

    private mutating func freeze(_ page: inout WaitingPage, _ book: Int) {
        guard let range = page.estimateSeconds else { return }
        let first = self.firstEstimates[book] ?? range
        self.firstEstimates[book] = first
        page.estimateSeconds = first
    }

    /// Each other look is answered by a gateway that hears nothing of the line for ten seconds.
    private mutating func tellStale(_ page: inout WaitingPage, _ look: Fault.Look) {
        guard (30..<40).contains(look.moment.seconds) else { return self.staleServing = look.moment.serving }
        guard look.looks.isMultiple(of: 2), let number = page.number else { return }
        page.position = max(1, number - self.staleServing)
    }
}
