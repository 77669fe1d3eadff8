"""How the usual software of forums and of questions and answers marks posts, authors and dates, as CSS selectors."""

from __future__ import annotations

import re

# What the usual software of forums and of questions and answers puts around the text of a post.
POST_BODIES = (
    ".postbody .content",  # phpBB
    "[id^='post_message_'], .js-post__content-text",  # vBulletin
    ".bbWrapper, .messageText",  # XenForo
    ".topic-post .cooked, .crawler-post .post",  # Discourse
    "[data-role='commentContent'], .ipsComment_content .entry-content",  # Invision
    ".post > [id^='msg_'], .postarea .inner",  # Simple Machines
    ".post_body",  # MyBB
    ".js-post-body, .question .post-text, .answer .post-text",  # Stack Exchange
    ".commtext, .fatitem .toptext",  # Hacker News
    "[component='post/content']",  # NodeBB
    ".postright .postmsg",  # FluxBB, PunBB
    "[id^='postmessage_']",  # Discuz!
    ".ap-q-content",  # AnsPress
    ".Post-body",  # Flarum
    ".bbp-body .bbp-reply-content, .bbp-body .bbp-topic-content",  # bbPress
    ".userContent",  # Vanilla
    ".qu-userSelect--text",  # Quora
    ".usertext-body, shreddit-comment [slot='comment'], shreddit-post [slot='text-body']",  # Reddit
    ".js-comment-body",  # GitHub
    ".comment-node .comment-content, #postContent",  # Lemmy
    "span.postbody, td.postbody",  # phpBB 2
    ".comments_subtree .comment_text",  # Lobsters
    ".kmessage .kmsg",  # Kunena
    ".wpforo-post-content",  # wpForo
    ".post-element .post-message",  # Asgaros
    ".forum-post-content",  # Drupal
    ".lia-message-body-content",  # Khoros
    ".post_block .entry-content",  # IP.Board 3
    ".email .email-body",  # HyperKitty
    ".note-body .note-text",  # GitLab
    "[data-testid='markdown-body'], .comment-container .render-content",  # GitHub, Gitea
    ".bz_comment_text, #comment_text_0",  # Bugzilla
    ".activity-comment .action-body",  # Jira
    ".change .comment.searchable",  # Trac
    ".journal .wiki",  # Redmine
    ".display_post",  # SourceForge
    ".d_post_content",  # Tieba
    ".reply_content, .topic_content",  # V2EX
    ".qa-q-view-content, .qa-a-item-content",  # Question2Answer
    ".Answer .ContentBody, .Question .ContentBody",  # gutefrage
    "[data-testid='answer_box_text'], [data-testid='question_box_text']",  # Brainly
    ".AnswersList .ExpandableContent__content",  # Yahoo! Answers
    ".Comment .RichTextJSON-root",  # Reddit 2018
    ".post_inner [id^='body']",  # UBB.threads
    "[itemtype$='/Answer'] [itemprop='text'], [itemtype$='/Question'] [itemprop='text']",
    "[itemtype$='/DiscussionForumPosting'] [itemprop='text']",
)
POST_NAME = re.compile(
    "postbody|postmsg|post_?message_|ap-q-content|js-post__content|bbWrapper|messageText|topic-post|crawler-post|ipsComment|cTopic|"
    "^msg_|post_body|js-post-body|post-text|commtext|comment-tree|hnmain|hnuser|athing|Post-body|PostStream|bbp-|userContent|"
    "qu-userSelect|usertext-body|commentarea|js-comment-body|js-discussion|comment-node|postContent|comments_subtree|^kmessage|"
    "^wpforo-post|post-element|forum-post-content|lia-message-body|post_block|^email-body|note-text|comment-container|bz_comment|"
    "activity-comment|trac-author|journal|display_post|d_post_content|reply_content|qa-a-|ContentBody|ExpandableContent__|RichTextJSON|"
    "post_inner|NewMarkdownViewer|brn-rich"
)
POST_PART = re.compile(
    "post|comm|bb|message|ctopic|msg|hn|athing|user|discussion|wpforo|email|note|bz|trac|"
    "journal|reply|^qa$|contentbody|expandablecontent|richtextjson|newmarkdown|^brn$"
)
"""Each name in `POST_NAME` has a word with one of these in it."""
ITEMS = (
    "[class*='answer' i], [class*='reply' i], [class*='comment' i], [class*='message' i], "
    "[id^='answer' i], [id^='comment' i], [id^='reply' i]"
)
ITEM_NAME = re.compile(
    r"(?:^|[\s_-])(?:answer|reply|comment|message|msg|response)(?:$|[\s_\d-])|(?:Answer|Reply|Comment)(?:$|[A-Z\s_])"
)
BODIES = (
    "[itemprop='text'], [itemprop='commentText'], [class*='comment-content'], "
    "[class*='comment-body'], [class*='comment-text'], "
    "[class*='comment_content'], [class*='comment_text'], [class*='commentText'], "
    "[class*='commentBody'], [class*='commentContent'], "
    "[class*='content' i], [class*='body' i], [class*='text' i], [class*='message' i]"
)
THREAD_WORDS = re.compile(
    r"(?:^|[/_.?=\s-])(?:forums?|threads?|topics?|viewtopic|showthread|questions?|answers?|discussions?|qa|ask|issues|boards?)"
    r"(?:$|[/_.?=&\s\d-])",
    re.IGNORECASE,
)
ARTICLE_MARKS = (
    b'content="article"',
    b"content='article'",
    b"articleBody",
    b'"NewsArticle"',
    b'"BlogPosting"',
    b'"Article"',
    b"entry-content",
    b"type-post",
    b"comments-area",
)
AUTHORS = (
    "[itemprop='author'] [itemprop='name'], .username, .bigusername, .author-name, .bbp-author-name, .hnuser, .person-listing, "
    ".comment-author .fn, .bz_comment_user .fn, .trac-author, .d_name a, .kwho-user, [data-testid*='author'], "
    ".byline a[href^='/~'], .user-hover, .name > b, .postername, "
    "[itemprop='author'], [itemprop='creator'], [rel='author'], .author, "
    ".poster a, .post_author a, .user-details a, .authi a, .postleft strong, "
    ".creator, .comment-user, [class*='UserProfile'], [class*='user-name' i], [class*='username' i], [class*='author' i], "
    "[class*='poster' i], [href*='/user'], [href*='/member'], [href*='/profile'], [href*='/u/'], [class*='user' i] a"
)
DATES = (
    "time, relative-time, abbr[title], [itemprop='datePublished'], [itemprop='dateCreated'], .relativetime, "
    ".timeago, .age, .postdate, .post_date, .post-date, .date, [id^='authorposton'], .blockpost > h2 a, "
    "[class*='date' i], [class*='time' i], .postinfo a, .keyinfo .smalltext, .thead, .tail-info, "
    "[class*='answeredOn' i], .forum-posted-on, .posted_info, .postdetails"
)
