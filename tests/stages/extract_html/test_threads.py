"""Forum topics, questions with answers, discussions: their posts are the content; comments under an article are a parameter."""

from __future__ import annotations

import pytest

from interloom.schemas.document import Document, Source, Text
from interloom.stages.extract_html import ExtractHtml

TITLE = "Which pond plants survive the frost?"
WORDS = (
    "In the {n}. garden the water lilies stay below the ice, and only the reeds at the edge are cut back.",
    "Every {n}. winter somebody asks whether the pump must run, and every time the answer is that it depends on the fish.",
)
MARKUP = {
    "phpBB": (
        "<div class='post' id='p{n}'><dl class='postprofile'><dt><a class='username'>{who}</a></dt><dd>Posts: 7</dd></dl>"
        "<div class='postbody'><p class='author'>by {who} <time datetime='{day}T08:00'>{day}</time></p>"
        "<div class='content'>{br}</div></div></div>"
    ),
    "vBulletin": (
        "<li id='post_{n}'><span class='postdate'>{day}</span><a class='username'>{who}</a>"
        "<div id='post_message_{n}'>{br}</div></li>"
    ),
    "XenForo": (
        "<article class='message' data-author='{who}'><time datetime='{day}T08:00'></time>"
        "<div class='bbWrapper'>{br}</div></article>"
    ),
    "Discourse": (
        "<div class='topic-body crawler-post'><span itemprop='author'><span itemprop='name'>{who}</span></span>"
        "<time datetime='{day}'></time><div class='post' itemprop='text'>{p}</div></div>"
    ),
    "Stack Exchange": (
        "<div class='answer' itemscope itemtype='https://schema.org/Answer'><div class='js-post-body' itemprop='text'>{p}</div>"
        "<span class='relativetime' title='{day} 08:00Z'>then</span><div class='user-details'><a href='#'>{who}</a></div></div>"
    ),
    "Hacker News": (
        "<tr><td><a class='hnuser'>{who}</a> <span class='age' title='{day}T08:00'>1 hour ago</span>"
        "<div class='comment'><div class='commtext'>{p}</div></div></td></tr>"
    ),
    "Reddit": (
        "<div class='thing comment'><p class='tagline'><a class='author'>{who}</a> <time datetime='{day}'></time></p>"
        "<div class='usertext-body'>{p}</div><ul class='buttons'><li><a href='#'>reply</a></li></ul></div>"
    ),
    "Quora": (
        "<div class='q-box qu-pt--medium'><div class='q-flex'><a class='q-box' href='/profile/x'>{who}</a>"
        "<a class='post_timestamp' href='#'>{day}</a></div><div class='q-text qu-userSelect--text'>{p}</div></div>"
    ),
    "Simple Machines": (
        "<div class='post_wrapper'><div class='poster'><h4><a href='/u'>{who}</a></h4></div><div class='postarea'>"
        "<div class='keyinfo'><div class='smalltext'>« {day} »</div></div><div class='post'>"
        "<div class='inner' id='msg_{n}'>{br}</div></div></div></div>"
    ),
    "MyBB": (
        "<div class='post' id='post_{n}'><div class='post_author'><strong><a href='/u'>{who}</a></strong></div>"
        "<div class='post_content'><div class='post_head'><span class='post_date'>{day}</span></div>"
        "<div class='post_body scaleimages'>{br}</div></div></div>"
    ),
    "Invision": (
        "<article class='cPost ipsComment'><aside><h3 class='cAuthorPane_author'><a href='/profile/1'>{who}</a></h3></aside>"
        "<div class='ipsComment_content'><time datetime='{day}T08:00Z'></time>"
        "<div data-role='commentContent'>{p}</div></div></article>"
    ),
    "bbPress": (
        "<div class='bbp-body'><div class='bbp-reply-header'><span class='bbp-reply-post-date'>{day}</span></div>"
        "<div class='reply'>"
        "<div class='bbp-reply-author'><a class='bbp-author-name' href='/u'>{who}</a></div>"
        "<div class='bbp-reply-content'>{p}</div></div></div>"
    ),
    "Flarum": (
        "<article class='CommentPost Post'><header class='Post-header'><h3 class='PostUser-name'><a href='/u/1'>"
        "<span class='username'>{who}</span></a></h3><time datetime='{day}T08:00'>then</time></header>"
        "<div class='Post-body'>{p}</div></article>"
    ),
    "FluxBB": (
        "<div id='p{n}' class='blockpost'><h2><span><a href='viewtopic.php?pid={n}'>{day}</a></span></h2><div class='postbody'>"
        "<div class='postleft'><dl><dt><strong><a href='profile.php?id={n}'>{who}</a></strong></dt><dd>Member</dd></dl></div>"
        "<div class='postright'><h3>Re: Which</h3><div class='postmsg'>{p}</div></div></div></div>"
    ),
    "Discuz": (
        "<table id='pid{n}'><tr><td class='pls'><div class='authi'><a class='xw1'>{who}</a></div></td><td class='plc'>"
        "<em id='authorposton{n}'>{day}</em><table><tr><td id='postmessage_{n}'>{br}</td></tr></table></td></tr></table>"
    ),
    "GitHub issue": (
        "<div class='timeline-comment'><h3><a class='author' href='/a'>{who}</a> <relative-time datetime='{day}T08:00'>"
        "</relative-time></h3><table><tr><td class='comment-body markdown-body js-comment-body'>{p}</td></tr></table></div>"
    ),
    "phpBB 2": (
        "<table><tr><td><span class='name'><b>{who}</b></span><span class='postdetails'>Posts: 27</span></td>"
        "<td><table><tr><td><span class='postdetails'>Posted: {day} 9:14 pm</span></td></tr>"
        "<tr><td><span class='postbody'>{br}</span></td></tr></table></td></tr></table>"
    ),
    "Lobsters": (
        "<li class='comments_subtree'><div class='byline'><a href='/~{who}'><img src='/a.png'></a><a href='/~{who}'>{who}</a>"
        "<time datetime='{day} 09:00'>2 days ago</time></div><div class='comment_text'>{p}</div></li>"
    ),
    "Kunena": (
        "<div class='message'><a class='kwho-user' href='/u'>{who}</a><span class='kdate' title='{day} 09:14'>2 years ago</span>"
        "<div class='kmessage'><div class='kmsg'>{p}</div></div></div>"
    ),
    "wpForo": (
        "<div class='post-wrap'><div class='author-name'><a href='/p'>{who}</a></div><div class='author-title'>Member</div>"
        "<span class='wpf-post-date'>{day} 9:14 am</span><div class='wpforo-post-content'>{p}</div></div>"
    ),
    "Khoros": (
        "<div class='lia-panel-message'><a class='lia-user-name-link' href='/u'>{who}</a><span class='local-date'>{day}</span>"
        "<div class='lia-message-body-content'>{p}</div></div>"
    ),
    "Question2Answer": (
        "<div class='qa-a-list-item'><div class='qa-a-item-content'>{p}</div><span class='qa-a-item-when'><time datetime='{day}'>"
        "</time></span><a href='/user/1' class='qa-user-link'>{who}</a></div>"
    ),
    "GitLab": (
        "<li class='note'><a class='author-name-link' href='/u'>{who}</a><time datetime='{day}T09:14'></time>"
        "<div class='note-body'><div class='note-text md'>{p}</div></div></li>"
    ),
    "Bugzilla": (
        "<div class='bz_comment'><span class='bz_comment_user'><span class='fn'>{who}</span></span>"
        "<span class='bz_comment_time'>{day} 09:14:00 UTC</span><div class='bz_comment_text'>{p}</div></div>"
    ),
    "Jira": (
        "<div class='activity-comment'><a class='user-hover'>{who}</a> added a comment <time datetime='{day}T09:14'>x</time>"
        "<div class='action-body'>{p}</div></div>"
    ),
    "Tieba": (
        "<div class='l_post'><li class='d_name'><a href='/h'>{who}</a></li><cc><div class='d_post_content'>{br}</div></cc>"
        "<span class='tail-info'>3楼</span><span class='tail-info'>{day} 09:14</span></div>"
    ),
    "V2EX": (
        "<div class='cell'><table><tr><td><strong><a href='/member/{who}'>{who}</a></strong>"
        "<span class='ago' title='{day} 09:14'>2 days</span><div class='reply_content'>{br}</div></td></tr></table></div>"
    ),
    "unknown": (
        "<div class='comment answer-{n}'><span class='author'>{who}</span> <i class='date'>{day}</i>"
        "<div class='comment-content'>{p}</div><a class='reply'>Reply</a></div>"
    ),
}


def thread(software: str, posts: int) -> bytes:
    """A page of posts in the markup of this software, between navigation and links to other topics."""
    body = "".join(
        MARKUP[software].format(
            n=n, who=f"gardener{n}", day=f"2024-03-{n + 10}", br="<br><br>".join(texts), p=f"<p>{'</p><p>'.join(texts)}</p>"
        )
        for n in range(posts)
        for texts in [[text.format(n=n) for text in WORDS]]
    )
    body = f"<table>{body}</table>" if body.startswith("<tr") else body
    others = "".join(f"<li><a href='/t/{n}'>Another topic, number {n}</a></li>" for n in range(9))
    return (
        f"<nav><a href='/'>Home</a></nav><h1>{TITLE}</h1><div>{body}</div><div class='sidebar'><ul>{others}</ul></div>".encode()
    )


def texts_of(html: bytes, **parameters: bool) -> list[tuple[str, str]]:
    *_, doc = ExtractHtml(**parameters).process([Document(id="d", source=Source(url="https://garden.example/t"), body=html)])
    assert isinstance(doc, Document)
    return [(text.role, text.text) for text in doc.elements if isinstance(text, Text)]


@pytest.mark.parametrize("software", MARKUP)
def test_the_posts_of_a_thread_are_its_content_each_below_its_author_and_date(software: str) -> None:
    wanted = [("heading", TITLE)]
    for n in range(8):
        wanted += [("heading", f"gardener{n}, 2024-03-{n + 10}"), *(("paragraph", text.format(n=n)) for text in WORDS)]
    assert texts_of(thread(software, 8)) == wanted


def test_answers_are_content_where_the_address_names_a_question() -> None:
    said = [" ".join(text.format(n=n) for text in WORDS) for n in range(6)]
    answers = "".join(f"<li class='ya-other-answer'><div class='answer-detail'>{text}</div></li>" for text in said[1:])
    html = f"<nav><a href='/'>Home</a></nav><h1>{TITLE}</h1><div class='full-text'>{said[0]}</div><ul>{answers}</ul>"
    source = Source(url="https://answers.example/question/index?qid=3")
    *_, doc = ExtractHtml().process([Document(id="d", source=source, body=html.encode())])
    assert isinstance(doc, Document)
    assert [text.text for text in doc.texts] == [TITLE, *said]


ARTICLE = "<article><h1>The pond</h1>" + f"<p>{WORDS[0]}</p><p>{WORDS[1]}</p>" * 2 + "</article>"
COMMENTS = "<div id='comments'>" + "".join(
    f"<div class='comment' id='comment-{n}'><b class='author'>reader{n}</b>"
    f"<div class='comment-body'><p>Reader {n} says that ice is pretty.</p></div></div>"
    for n in range(3)
)  # fmt: skip


def test_comments_under_an_article_are_left_out_unless_they_are_wanted() -> None:
    html = (ARTICLE + COMMENTS).encode()
    alone = texts_of(html)
    assert not [text for _, text in alone if "Reader" in text]
    said = [("heading", "reader{n}"), ("paragraph", "Reader {n} says that ice is pretty.")]
    assert texts_of(html, comments=True) == [*alone, *((role, text.format(n=n)) for n in range(3) for role, text in said)]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<a href='/a'>Force</a><a href='/b'>JAHTARI</a>", "Force JAHTARI"),
        ("<a href='/u'>Upload</a><span>Anonymous</span>", "Upload Anonymous"),
        ("<span>12</span><span>Comments</span>", "12 Comments"),
        ("<b>in</b><i>side</i>", "inside"),
        ("<span>It froze.</span><span>Then snow fell</span>", "It froze. Then snow fell"),
        ("<b>Node.</b><i>JS</i>", "Node.JS"),
        ("<span>W</span>hen", "When"),
        ("H<sub>2</sub>O", "H2O"),
    ],
)
def test_a_blank_stands_between_inline_elements_where_readers_see_one(markup: str, text: str) -> None:
    html = f"<article><h1>The pond</h1><p>{WORDS[0]} {markup}</p><p>{WORDS[1]}</p></article>"
    assert ("paragraph", f"{WORDS[0]} {text}") in texts_of(html.encode())


def test_rows_of_links_in_tables_that_serve_the_layout_are_no_text() -> None:
    links = "".join(f"<td><a href='{name}'>{name}</a></td>" for name in ("Home", "News", "Guestbook"))
    story = "<br><br>".join(word.format(n=n) for n in range(4) for word in WORDS)
    beside = "<td><a href=1>Lilies</a><br><a href=2>Reeds</a></td>"
    html = f"<table><tr>{links}</tr></table><table><tr>{beside}<td><b>The pond</b><br><br>{story}</td></tr></table>"
    texts = [text for _, text in texts_of(html.encode())]
    assert texts == ["The pond", *(word.format(n=n) for n in range(4) for word in WORDS)]
