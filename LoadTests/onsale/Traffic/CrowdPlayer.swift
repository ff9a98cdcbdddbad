import Dispatch
import EventLoop
import Primitives
import Transport

/// Plays a crowd over real sockets, each person at the moment that the plan says, whatever became of the others.
///
/// Lives on one loop, and plays a part of the crowd on it and on each of `helpers`, which share nothing: visitor by
/// visitor, in turn. Puts their seconds together into one `Timeline`, and in the end their books, so that whoever judges
/// sees one run.
final class CrowdPlayer {
    /// While fewer wait, a newcomer may be let in at once, and a probe with a bad token is one.
    private static let fewestWaiting = 30

    let loop: EventLoop
    let crowd: Crowd
    /// A second gateway may join.
    private(set) var target: Target
    let startedAt: Instant
    let rules: VisitorRules
    private(set) var timeline: Timeline
    private(set) var gauges = Gauges()
    /// Adds what only others know to the gauges at the end of a second.
    var fillGauges: ((inout Gauges) -> Void)?
    /// Called when a second is whole.
    var onSecond: ((HeldSecond) -> Void)?
    /// The first is the one on this loop; none where agents play the whole crowd.
    private var parts: [LoopBound<CrowdPart>] = []
    private let boxes: [PartBox]
    private var merge: SecondMerge
    private var wholeBooks: VisitBooks?
    private let share: CrowdShare
    private let team: AgentTeam?
    /// Whose way has ended, by agent.
    private var leftOfAgents: [Int: Int] = [:]

    /// - Parameters:
    ///   - startedAt: second 0 of the run.
    ///   - firstSecond: a run that is taken up in the middle begins with this one; those before it are left empty.
    ///   - share: the visitors to play; the others are somebody else's.
    ///   - room: what is known of it.
    ///   - excuses: stretches that say nothing of some promises.
    ///   - descriptorLimit: how many this process may have open.
    ///   - reconnects: nobody keeps a connection from one request to the next.
    ///   - helpers: further loops, with a part of the crowd each.
    init(
        _ crowd: Crowd,
        target: Target,
        startedAt: Instant,
        firstSecond: Int = 0,
        share: CrowdShare = .whole,
        hasRoom: Bool,
        room: RoomTraits = RoomTraits(),
        excuses: Excuses = .none,
        descriptorLimit: Int,
        reconnects: Bool = false,
        on loop: EventLoop,
        helpers: [EventLoop] = []
    ) {
        self.loop = loop
        self.crowd = crowd
        self.target = target
        self.startedAt = startedAt
        self.share = share
        self.team = nil
        self.rules = VisitorRules(crowd.scenario, startedAt: startedAt, hasRoom: hasRoom)
        self.timeline = Timeline(excuses: excuses)
        self.merge = SecondMerge(parts: helpers.count + 1, firstSecond: firstSecond)
        let loops = [loop] + helpers
        let boxes = loops.map { _ in PartBox() }
        self.boxes = boxes
        for _ in 0..<firstSecond { self.timeline.append(Tally(), Gauges()) }
        let me = LoopBound(WeakPlayer(self), loop: loop)
        let connections = max(loops.count, descriptorLimit - ConnectionBudget.reservedDescriptors) / loops.count
        for (index, share) in share.split(loops.count).enumerated() {
            let partLoop = loops[index]
            let make: @Sendable () -> LoopBound<CrowdPart> = {
                let part = CrowdPart(
                    crowd,
                    share: share,
                    target: target,
                    startedAt: startedAt,
                    firstSecond: firstSecond,
                    hasRoom: hasRoom,
                    room: room,
                    mostConnections: connections,
                    box: boxes[index],
                    on: partLoop
                )
                if reconnects { part.keepNanoseconds = .min }
                part.onSecond = { index == 0 ? me.open().player?.collect() : me.submit { $0.player?.collect() } }
                return LoopBound(part, loop: partLoop)
            }
            self.parts.append(index == 0 ? make() : partLoop.queue.sync(execute: make))
        }
    }

    /// A crowd that agents play.
    init(_ crowd: Crowd, target: Target, startedAt: Instant, team: AgentTeam, on loop: EventLoop) {
        self.loop = loop
        self.crowd = crowd
        self.target = target
        self.startedAt = startedAt
        self.share = .whole
        self.team = team
        self.boxes = []
        self.rules = VisitorRules(crowd.scenario, startedAt: startedAt, hasRoom: true)
        self.timeline = Timeline()
        self.merge = SecondMerge(parts: team.options.count, firstSecond: 0)
        for agent in 0..<team.options.count where team.board.isLost(agent) { self.merge.giveUp(agent) }
        team.onSecond = { [weak self] held, agent in
            self?.leftOfAgents[agent, default: 0] += held.tally.counts.left
            self?.merge.take(held, of: agent)
            self?.collect()
        }
        team.onLost = { [weak self] agent in
            self?.merge.giveUp(agent)
            self?.collect()
        }
    }

    /// Lets parts on other loops find the player without keeping it.
    private final class WeakPlayer {
        private(set) weak var player: CrowdPlayer?
        init(_ player: CrowdPlayer) { self.player = player }
    }

    /// nil where agents play the whole crowd.
    private var here: CrowdPart? { self.parts.first?.open() }
    private var elsewhere: ArraySlice<LoopBound<CrowdPart>> { self.parts.dropFirst() }

    var isEverybodyGone: Bool {
        if let team = self.team {
            let agents = team.options.count
            return (0..<agents).allSatisfy { agent in
                let people = CrowdShare(index: agent, count: agents).size(of: self.crowd.count)
                return team.board.isLost(agent) || self.leftOfAgents[agent, default: 0] >= people
            }
        }
        return self.boxes.reduce(0) { $0 + $1.leftCount } == self.share.size(of: self.crowd.count)
    }

    /// As of now on this loop, as of the last second on the others.
    var openConnections: Int {
        guard self.elsewhere.isEmpty, let here = self.here else { return self.gauges.openConnections }
        return here.connections.open
    }

    /// What each visitor saw of the room. Until the run is over, of those who are played on this loop.
    var books: VisitBooks {
        self.wholeBooks ?? self.here?.books
            ?? VisitBooks(visitors: 0, startedAt: self.startedAt, openingAt: self.rules.openingAt)
    }

    /// What the run has come to so far, on this loop with the second under way.
    var counts: Counts {
        var counts = self.timeline.total.counts
        if self.wholeBooks == nil, let here = self.here { counts.merge(here.tally.counts) }
        return counts
    }

    /// Half of those who connect from now on go to another gateway of the same site.
    func join(_ address: SocketAddress) {
        let target = self.target.joined(by: address)
        self.target = target
        self.here?.target = target
        for part in self.elsewhere { part.submit { $0.target = target } }
    }

    /// What a gateway that is gone had heard may be unknown to the others.
    func forgetProbes() {
        self.here?.probes.forget()
        for part in self.elsewhere { part.submit { $0.probes.forget() } }
    }

    /// Begins to send people at `startedAt`.
    func start() {
        self.loop.preconditionOnLoop()
        self.team?.begin(at: self.startedAt)
        self.here?.start()
        for part in self.elsewhere { part.submit { $0.start() } }
    }

    /// Sends one probe of each kind for which there is somebody to take the tokens from. Agents do so by themselves.
    func sendProbes() {
        self.loop.preconditionOnLoop()
        guard self.gauges.waiting >= Self.fewestWaiting else { return }
        self.here?.sendProbes()
    }

    /// Nobody comes any more, and who is under way stops. The seconds go on.
    func stopVisitors() {
        self.loop.preconditionOnLoop()
        self.team?.stop()
        self.here?.stopVisitors()
        for part in self.elsewhere { part.submit { $0.stopVisitors() } }
    }

    /// Closes the second under way, and the books. Waits for the other loops, which takes a few turns of theirs; of agents,
    /// what has come in counts.
    func finish() {
        self.loop.preconditionOnLoop()
        guard self.wholeBooks == nil else { return }
        self.here?.finish()
        var books = self.team?.books ?? []
        if let here = self.here { books.append(here.books) }
        for part in self.elsewhere {
            let loop = part.loop as! EventLoop
            books.append(
                loop.queue.sync {
                    part.open().finish()
                    return part.open().books
                }
            )
        }
        self.wholeBooks =
            books.count == 1
            ? books[0] : VisitBooks(merging: books, visitors: self.crowd.count, share: self.share)
        self.collect(isEnd: true)
    }

    /// Takes what the parts have put into their boxes, and adds the seconds that are whole.
    private func collect(isEnd: Bool = false) {
        for (index, box) in self.boxes.enumerated() {
            for held in box.takeAll() { self.merge.take(held, of: index) }
        }
        while var held = self.merge.next(isEnd: isEnd) {
            self.fillGauges?(&held.gauges)
            self.gauges = held.gauges
            self.timeline.append(held.tally, held.gauges)
            self.onSecond?(held)
        }
        for tally in self.merge.takeLate() { self.timeline.addLate(tally) }
    }
}
